import { describe, expect, test } from 'vitest'
import type { Call } from '../../../../guest-agent/model/calls.ts'
import { failureText } from '../../../../guest-agent/model/failure.ts'
import { IommufdModel, type ModelFacts } from '../../../../guest-agent/model/iommufd-model.ts'
import { pasteCase } from '../../../../guest-agent/model/paste.ts'
import { LAST_IOVA } from '../../../../guest-agent/model/ranges.ts'
import { runCommands, type Step } from '../../../../guest-agent/model/run-commands.ts'
import { fakeKernel } from './fake-kernel.ts'

const PAGE = 4096n
const FACTS: ModelFacts = {
  address: 0x7f00_0001_0000n,
  largestAlignment: PAGE,
  device: { id: 1, alignment: PAGE, unreachable: [{ start: 1n << 48n, last: LAST_IOVA }], reserved: [] },
}

/** The steps of calls that a kernel answered rightly, the last one as if it differed. */
const stepsOf = (calls: readonly Call[]): readonly Step[] =>
  runCommands(calls.map((call) => () => call), new IommufdModel(FACTS), fakeKernel(FACTS)).steps.slice(0, calls.length + 1)

const lines = (calls: readonly Call[]) => pasteCase(stepsOf(calls), { seed: 7, withDevice: true, maxLength: 2000 }).code.split('\n')
const body = (calls: readonly Call[]) => {
  const all = lines(calls)
  return all.slice(all.findIndex((line) => line.includes('run: (lab)')) + 1, -2).map((line) => line.slice(4))
}

const map = { op: 'map', ioas: 2, offset: 0n, length: 2n * PAGE, access: 6 } as const

describe('a pasted case', () => {
  test('says what the model expects of each call', () => {
    expect(body([
      { ...map, iova: PAGE },
      { ...map, iova: PAGE, access: 4, offset: PAGE },
      { op: 'unmap', ioas: 2, iova: PAGE, length: 2n * PAGE },
    ])).toEqual([
      'const iommu = lab.use(IommuFd.open())',
      'bindCdev(lab, lab.device(), iommu)',
      'const memory = lab.use(Memory.pages(0x20000))',
      'const address = (memory.address + 0xffffn) & -0x10000n',
      'const ioas0 = iommu.ioasAlloc()',
      'ioas0.map({ address, length: 0x2000n }, { iova: 0x1000n })',
      "expectErrno('EEXIST', () => ioas0.map({ address: address + 0x1000n, length: 0x2000n }, { iova: 0x1000n, access: IOMMUFD.IOMMU_IOAS_MAP_READABLE }))",
      "equal(ioas0.unmap(0x1000n, 0x2000n), 0x2000n, 'bytes unmapped') // the kernel said 0x2000",
    ])
  })

  test('names what the kernel chose, where it is used again, and nothing else', () => {
    expect(body([
      { op: 'ioas-alloc' },
      { ...map, iova: undefined },
      { ...map, iova: undefined },
      { op: 'ranges', ioas: 2 },
      { op: 'copy', ioas: 2, source: 2, from: 2n * PAGE, length: PAGE, iova: 99n * PAGE, access: 6 },
      { op: 'hwpt-alloc', pt: 2 },
      { op: 'attach', pt: 4 },
      { op: 'destroy', id: 4 },
    ]).slice(1)).toEqual([
      'const { cdev, deviceId } = bindCdev(lab, lab.device(), iommu)',
      'const memory = lab.use(Memory.pages(0x20000))',
      'const address = (memory.address + 0xffffn) & -0x10000n',
      'const ioas0 = iommu.ioasAlloc()',
      'const iova0 = ioas0.map({ address, length: 0x2000n })',
      'ioas0.map({ address, length: 0x2000n })',
      'ioas0.copyFrom(ioas0, { from: iova0 + 0x1000n, length: 0x1000n, iova: 0x63000n })',
      'const hwpt0 = iommu.hwptAlloc({ deviceId, ptId: ioas0.id })',
      "equal(cdev.attach(hwpt0), hwpt0, 'page table')",
      "expectErrno('EBUSY', () => { iommu.destroy(hwpt0) }) // the kernel said EBUSY",
    ])
  })

  test('has a container where type1 calls are made', () => {
    expect(body([
      { op: 'set-vfio-ioas', ioas: 2 },
      { op: 'set-iommu', type: 'VFIO_TYPE1_IOMMU' },
      { op: 'map-dma', iova: 0n, offset: 0n, length: PAGE },
      { op: 'unmap-dma', iova: 0n, length: PAGE },
    ])).toContain('const compat = new Container(iommu.fd)')
  })

  test('what is too long loses its beginning', () => {
    const many = Array.from({ length: 100 }, (_, page): Call => ({ ...map, length: PAGE, iova: BigInt(page) * PAGE }))
    const found = { seed: 123, afterMs: 1, firstCalls: 101, steps: stepsOf(many) }
    const text = failureText(found, { caseId: 'model/devices', withDevice: true })
    expect(text.length).toBeLessThan(3500)
    expect(text).toMatch(/^ioas0\.map\(.*\): 0x63000 expected, the kernel said 0x63000\nseed 123: \.\/lab run --case model\/devices --seed 123\ndefineCase\(\{\n/)
    expect(text).toContain('calls before these are not shown')
    expect(text).toContain('// the kernel said 0x63000\n  },\n})\nfound after 1 ms, in a sequence of 101 calls')
  })
})
