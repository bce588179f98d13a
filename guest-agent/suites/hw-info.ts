import { defineCase, suite } from '../case/define-case.ts'
import { equal, expectErrno, ok } from '../case/expect.ts'
import { IOMMUFD, iommufdStructs } from '../uapi/iommufd.ts'
import { addressOf, Memory, PAGE_SIZE } from '../sys/memory.ts'
import { bindCdev } from '../vfio/bound-cdev.ts'

const COVERS = { ioctls: ['IOMMU_GET_HW_INFO'], sources: ['drivers/iommu/iommufd/device.c'] }
const INTEL = { ...COVERS, sources: [...COVERS.sources, 'drivers/iommu/intel/iommu.c'] }
const VTD_BYTES = 24
/** Bits of the VT-d extended capability register: scalable mode, first-stage translation. */
const ECAP_SMTS = 1n << 43n
const ECAP_FSTS = 1n << 47n

const intel = defineCase({
  name: 'intel',
  title: 'VT-d tells its capability registers, cut or padded to the room given, and the length of all of it',
  needs: { access: 'cdev', iommu: ['intel'] },
  covers: INTEL,
  run: (lab) => {
    const { iommu, deviceId } = bindCdev(lab)
    const info = iommu.hwInfo(deviceId, { dataBytes: VTD_BYTES })
    equal(info.type, IOMMUFD.IOMMU_HW_INFO_TYPE_INTEL_VTD, 'type')
    equal(info.dataLength, VTD_BYTES, 'length of struct iommu_hw_info_vtd')
    const vtd = iommufdStructs.hwInfoVtd.at(info.data)
    ok(vtd.get('cap_reg') !== 0n && vtd.get('ecap_reg') !== 0n, 'the registers must not be 0')
    equal((vtd.get('ecap_reg') & ECAP_SMTS) !== 0n, lab.facts.iommu.includes('scalable'), 'scalable mode in the extended capabilities')
    equal((vtd.get('ecap_reg') & ECAP_FSTS) !== 0n, lab.facts.iommu.includes('first-stage'), 'first stage in the extended capabilities')
    equal(info.capabilities & BigInt(IOMMUFD.IOMMU_HW_CAP_DIRTY_TRACKING), 0n, 'dirty tracking, which this IOMMU does not have')
    for (const room of [0, 4, 16, 48]) {
      const data = new Uint8Array(new ArrayBuffer(64)).fill(0xaa)
      const request = iommufdStructs.hwInfo.make({ dev_id: deviceId, data_len: room, data_uptr: addressOf(data) })
      iommu.ioctl('IOMMU_GET_HW_INFO', request)
      equal(request.get('data_len'), VTD_BYTES, `length told to who has room for ${room} bytes`)
      const expected = Uint8Array.from({ length: room }, (_, index) => info.data[index] ?? 0)
      equal([...data.subarray(0, room)], [...expected], `what fills a room of ${room} bytes, padded with 0`)
      ok(data.subarray(room).every((byte) => byte === 0xaa), `memory behind ${room} bytes was written`)
    }
  },
})

const silent = defineCase({
  name: 'virtio',
  title: 'an IOMMU driver that has nothing to tell is type 0, and all the room is filled with 0',
  needs: { access: 'cdev', iommu: ['virtio'] },
  covers: COVERS,
  run: (lab) => {
    const { iommu, deviceId } = bindCdev(lab)
    const data = new Uint8Array(new ArrayBuffer(32)).fill(0xaa)
    const request = iommufdStructs.hwInfo.make({ dev_id: deviceId, data_len: 24, data_uptr: addressOf(data), out_data_type: 9 })
    iommu.ioctl('IOMMU_GET_HW_INFO', request)
    equal(request.get('out_data_type'), IOMMUFD.IOMMU_HW_INFO_TYPE_NONE, 'type')
    equal(request.get('data_len'), 0, 'length')
    equal([...data], [...new Array<number>(24).fill(0), ...new Array<number>(8).fill(0xaa)], 'the room of 24 bytes and what is behind it')
    iommu.hwInfo(deviceId, { dataBytes: 0 })
  },
})

const refusals = defineCase({
  name: 'refusals',
  title: 'no such device is ENOENT, memory that is not there EFAULT, another vendor\'s type EOPNOTSUPP',
  needs: { access: 'cdev', iommu: 'present' },
  covers: COVERS,
  run: (lab) => {
    const { iommu, cdev, deviceId } = bindCdev(lab)
    const ioas = iommu.ioasAlloc()
    const nowhere = lab.use(Memory.inaccessible(PAGE_SIZE))
    for (const id of [0, ioas.id, deviceId + ioas.id + 1]) expectErrno('ENOENT', () => iommu.hwInfo(id))
    const ask = (values: Parameters<typeof iommufdStructs.hwInfo.make>[0]) => iommu.ioctl('IOMMU_GET_HW_INFO', iommufdStructs.hwInfo.make({ dev_id: deviceId, ...values }))
    expectErrno('EFAULT', () => ask({ data_len: 24, data_uptr: nowhere.address }))
    if (lab.facts.iommu.includes('intel') && lab.defines('IOMMU_HW_INFO_FLAG_INPUT_TYPE')) {
      expectErrno('EOPNOTSUPP', () => ask({ flags: 1, out_data_type: IOMMUFD.IOMMU_HW_INFO_TYPE_AMD }))
      ask({ flags: 1, out_data_type: IOMMUFD.IOMMU_HW_INFO_TYPE_INTEL_VTD })
      // Without the flag what stands in the field is not looked at.
      ask({ out_data_type: IOMMUFD.IOMMU_HW_INFO_TYPE_AMD })
    }
    cdev.close()
    expectErrno('ENOENT', () => iommu.hwInfo(deviceId))
  },
})

const noiommu = defineCase({
  name: 'noiommu',
  title: 'a noiommu device has no IOMMU to ask: EOPNOTSUPP, and ENOENT for no device at all',
  needs: { access: 'cdev', iommu: 'none' },
  covers: COVERS,
  run: (lab) => {
    const { iommu, deviceId } = bindCdev(lab)
    for (const dataBytes of [0, 24]) expectErrno('EOPNOTSUPP', () => iommu.hwInfo(deviceId, { dataBytes }))
    expectErrno('EOPNOTSUPP', () => iommu.hwInfo(deviceId, { flags: 1 }))
    expectErrno('ENOENT', () => iommu.hwInfo(deviceId + 1))
  },
})

export const hwInfo = suite('hw-info', [intel, silent, refusals, noiommu])
