import { describe, expect, test } from 'vitest'
import { strangersOf, uapiAssertions } from '../../../orchestrator/kernel/uapi-assertions.ts'
import { uapiIoctls } from '../../../orchestrator/kernel/uapi-names.ts'

const header = `
#define VFIO_TYPE (';')
/* struct iommu_old { __u32 never; }; */
struct iommu_thing {
	__u32 size;
#define IOMMU_THING_FLAG (1 << 0)
	__u32 flags; /* flags; and; words; */
	union {
		__u64 address;
		struct { __u32 low, high; };
	};
	__u8 __reserved[3];
	__u8 bytes[4];
	__u32 data[];
};
#define IOMMU_THING _IO(VFIO_TYPE, 1)
#define VFIO_IOMMU_SPAPR_TCE_CREATE	_IO(VFIO_TYPE, 2)
#define VFIO_DEVICE_FEATURE_MASK	(0xffff) /* 16-bit feature index */
#define VFIO_DEVICE_FEATURE_PCI_VF_TOKEN	(0)
#define VFIO_DEVICE_FEATURE_MIGRATION 1
#define		VFIO_DEVICE_FEATURE_CLEAR_MASTER	0	/* Clear */
`
const headers = { 'iommufd.h': header }
const beliefs = {
  structs: [{ name: 'iommu_thing', size: 24, fields: [{ name: 'flags', offset: 4, bytes: 4 }] }, { name: 'iommu_absent', size: 4, fields: [] }],
  ioctls: { IOMMU_THING: 15105, IOMMU_ABSENT: 1 },
  constants: { IOMMU_THING_FLAG: 1, VFIO_DEVICE_FEATURE_MIGRATION: 1 },
}

test('the ioctls of a header are what is _IO, and the features', () => {
  expect(uapiIoctls(headers)).toEqual(['IOMMU_THING', 'VFIO_IOMMU_SPAPR_TCE_CREATE', 'VFIO_DEVICE_FEATURE/PCI_VF_TOKEN', 'VFIO_DEVICE_FEATURE/MIGRATION'])
})

describe('what the agent believes', () => {
  test('becomes an assertion a line, and each line tells what it means', () => {
    const { lines, meanings } = uapiAssertions(headers, beliefs)
    expect([...meanings].map(([line, meaning]) => [lines[line - 1], meaning])).toEqual([
      ['_Static_assert(sizeof(struct iommu_thing) >= 24, "");', 'struct iommu_thing has less than 24 bytes'],
      ['_Static_assert(offsetof(struct iommu_thing, flags) == 4, "");', 'struct iommu_thing: flags is not at offset 4'],
      ['_Static_assert(sizeof(((struct iommu_thing *)0)->flags) == 4, "");', 'struct iommu_thing: flags has not 4 bytes'],
      ['_Static_assert((int)IOMMU_THING == (int)15105, "");', 'IOMMU_THING is not 15105'],
      ['_Static_assert((int)IOMMU_THING_FLAG == (int)1, "");', 'IOMMU_THING_FLAG is not 1'],
      ['_Static_assert((int)VFIO_DEVICE_FEATURE_MIGRATION == (int)1, "");', 'VFIO_DEVICE_FEATURE_MIGRATION is not 1'],
    ])
  })

  test('leaves strangers: a feature, fields in unions and arrays; not what is reserved, flexible, in comments or of PowerPC', () => {
    expect(strangersOf(headers, beliefs)).toEqual([
      'VFIO_DEVICE_FEATURE/PCI_VF_TOKEN',
      ...['size', 'address', 'low', 'high', 'bytes'].map((field) => `struct iommu_thing: ${field}`),
    ])
  })
})
