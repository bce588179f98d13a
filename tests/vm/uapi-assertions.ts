import { IOCTLS } from '../../guest-agent/uapi/ioctls.ts'
import { IOMMUFD, iommufdStructs } from '../../guest-agent/uapi/iommufd.ts'
import type { Fields, Layout } from '../../guest-agent/uapi/struct.ts'
import { VFIO, vfioStructs } from '../../guest-agent/uapi/vfio.ts'

/** What the agent believes of linux/vfio.h and linux/iommufd.h, as a C file that compiles when it is so. */
export interface UapiAssertions {
  readonly source: string
  /** Structs, ioctls and constants that these headers do not have; nothing is asserted of them. */
  readonly missing: readonly string[]
}

/** @param headers the text of both headers */
export const uapiAssertions = (headers: string): UapiAssertions => {
  const names = new Set(headers.match(/\w+/g))
  const structs: readonly Layout<Fields>[] = [...Object.values(iommufdStructs), ...Object.values(vfioStructs)]
  const values = Object.entries({ ...IOCTLS, ...IOMMUFD, ...VFIO })
  const known = structs.filter(({ name }) => names.has(name))
  return {
    missing: [...structs.map(({ name }) => name), ...values.map(([name]) => name)].filter((name) => !names.has(name)),
    source: [
      '#include <stddef.h>',
      '#include <linux/vfio.h>',
      '#include <linux/iommufd.h>',
      ...known.flatMap(aboutStruct),
      ...values.filter(([name]) => names.has(name)).map(([name, value]) => assertion(`(int)${name} == (int)${value}`)),
      '',
    ].join('\n'),
  }
}

const aboutStruct = ({ name, size, places }: Layout<Fields>): readonly string[] => [
  assertion(`sizeof(struct ${name}) == ${size}`),
  ...[...places].flatMap(([field, { offset, scalar }]) => [
    assertion(`offsetof(struct ${name}, ${field}) == ${offset}`),
    assertion(`sizeof(((struct ${name} *)0)->${field}) == ${Number(scalar.slice(1)) / 8}`),
  ]),
]

const assertion = (holds: string): string => `_Static_assert(${holds}, "${holds}");`
