import { describe, expect, test } from 'vitest'
import { holesOf, ioctlCoverage } from '../../../orchestrator/coverage/ioctl-coverage.ts'
import type { ErrnoTable } from '../../../orchestrator/coverage/errno-table.ts'

const at = 'drivers/vfio/group.c:f'
const table: ErrnoTable = {
  IOMMU_A: [
    { errno: 'EINVAL', at, when: 'it is wrong' },
    { errno: 'EBUSY', at, when: 'it is in use' },
    { errno: 'ENOMEM', at, when: 'an allocation fails', cannot: 'only a failing allocation gives it' },
    { errno: 'ENODEV', at, when: 'there is none', cannot: 'x86 has one' },
    { errno: 'ENODEV', at: 'drivers/vfio/group.c:g', when: 'it was taken away' },
  ],
}
const rowOf = (outcomes: readonly string[], without: Readonly<Record<string, string>> = {}) => {
  const [row] = ioctlCoverage({ IOMMU_A: outcomes }, table, without)
  if (row === undefined) throw new Error('there is a row')
  return row
}

describe('the coverage of an ioctl', () => {
  test('tells what came, what did not and can, and what cannot', () => {
    expect(rowOf(['ok', 'EINVAL', 'ENOTTY'])).toEqual({
      ioctl: 'IOMMU_A',
      succeeded: true,
      refused: ['EINVAL'],
      missed: [{ errno: 'EBUSY', when: 'it is in use' }, { errno: 'ENODEV', when: 'it was taken away' }],
      unreachable: [{ errno: 'ENOMEM', because: 'only a failing allocation gives it' }],
      strangers: [],
    })
  })

  test('tells an errno that the table lacks', () => {
    expect(rowOf(['ok', 'EPERM']).strangers).toEqual(['EPERM'])
  })

  test('has a row for an ioctl that nobody called', () => {
    expect(ioctlCoverage({ IOMMU_NEW: [] }, table, {})).toEqual([{ ioctl: 'IOMMU_NEW', succeeded: false, refused: [], missed: [], unreachable: [], strangers: [] }])
  })

  test.each([
    ['all of it happened', ['ok', 'EINVAL', 'EBUSY', 'ENODEV'], {}, []],
    ['what cannot happen happened as well', ['ok', 'EINVAL', 'EBUSY', 'ENODEV', 'ENOMEM'], {}, []],
    ['an errno is missed', ['ok', 'EINVAL', 'EBUSY'], {}, ['not seen: ENODEV (it was taken away)']],
    ['an errno is a stranger', ['ok', 'EINVAL', 'EBUSY', 'ENODEV', 'EPERM'], {}, ['unknown: EPERM']],
    ['it never succeeded', ['EINVAL', 'EBUSY', 'ENODEV'], {}, ['never succeeded']],
    ['it cannot succeed', ['EINVAL', 'EBUSY', 'ENODEV'], { IOMMU_A: 'needs hardware' }, []],
  ] as const)('%s: holes %#', (_, outcomes, without, holes) => {
    expect(holesOf(rowOf(outcomes, without))).toEqual(holes)
  })
})
