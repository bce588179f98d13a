import { readFileSync } from 'node:fs'
import { dirname } from 'node:path'
import { describe, expect, it } from 'vitest'
import { ATS_MACHINE, needsAts, parseBug, plantedBugs, pointsAt } from '../../bugs/bug-header.ts'

const DEFAULT_MACHINES = ['none', 'intel', 'intel-scalable', 'virtio']

const AREAS: Readonly<Record<string, readonly string[]>> = {
  cdev: ['drivers/vfio/device_cdev.c', 'drivers/vfio/iommufd.c', 'drivers/iommu/iommufd/device.c'],
  'group and container': ['drivers/vfio/group.c', 'drivers/vfio/container.c', 'drivers/vfio/vfio_iommu_type1.c', 'drivers/iommu/iommufd/vfio_compat.c'],
  IOAS: ['drivers/iommu/iommufd/ioas.c', 'drivers/iommu/iommufd/io_pagetable.c', 'drivers/iommu/iommufd/pages.c'],
  'interrupts and config space': ['drivers/vfio/pci/vfio_pci_intrs.c', 'drivers/vfio/pci/vfio_pci_config.c'],
}

/** Folder -> how many bugs at least, those of it that show in the default matrix. */
const FOLDERS: Readonly<Record<string, number>> = {
  'drivers/vfio': 9,
  'drivers/vfio/pci': 9,
  'drivers/iommu/iommufd': 14,
  'drivers/iommu/intel': 4,
}

describe('the planted bugs', () => {
  const bugs = plantedBugs()

  it('have different names; thirty-six show in the default matrix, one to the model, one where memory is short, the others behind an IOMMU that has to be named', () => {
    expect(new Set(bugs.map((bug) => bug.name)).size).toBe(bugs.length)
    for (const bug of bugs) {
      for (const cell of bug.cells) {
        const [config, machine] = cell.split('/')
        expect(['noiommu', 'no-container', 'iommufd', ...(bug.suite === 'fault-injection-device' ? ['fault-injection'] : [])]).toContain(config)
        expect([...DEFAULT_MACHINES, ATS_MACHINE]).toContain(machine)
      }
    }
    expect(bugs.filter((bug) => !needsAts(bug) && bug.suite === undefined).length).toBe(36)
    expect(bugs.flatMap(({ suite }) => suite ?? [])).toEqual(['model', 'fault-injection-device'])
    expect(bugs.filter(needsAts).length).toBe(2)
  })

  it('are at least two in each area', () => {
    const isGetPa = (ioctls: readonly string[]) => ioctls.includes('IOMMU_IOAS_NOIOMMU_GET_PA')
    expect(bugs.filter((bug) => isGetPa(bug.ioctls)).length).toBeGreaterThanOrEqual(2)
    for (const [area, files] of Object.entries(AREAS)) {
      expect(bugs.filter((bug) => files.includes(bug.file) && !isGetPa(bug.ioctls)).length, area).toBeGreaterThanOrEqual(2)
    }
  })

  it('are spread over the folders, and show behind both modes of Intel\'s IOMMU', () => {
    for (const [folder, least] of Object.entries(FOLDERS)) {
      expect(bugs.filter((bug) => dirname(bug.file) === folder && !needsAts(bug)).length, folder).toBeGreaterThanOrEqual(least)
    }
    expect(bugs.filter(({ file }) => !(dirname(file) in FOLDERS))).toEqual([])
    const intel = bugs.filter(({ file }) => file.startsWith('drivers/iommu/intel/'))
    for (const machine of ['intel', 'intel-scalable']) {
      expect(intel.filter(({ cells }) => cells.some((cell) => cell.endsWith(`/${machine}`))).length, machine).toBeGreaterThanOrEqual(3)
    }
    for (const { name, cells } of intel) expect(cells.every((cell) => cell.split('/')[1]?.startsWith('intel')), name).toBe(true)
  })

  it('without an ioctl are of a file that also serves what no ioctl reaches', () => {
    const without = bugs.filter(({ ioctls }) => ioctls.length === 0)
    expect(without.map(({ name }) => name)).toEqual(['15-mmap-runs-past-bar', '27-memory-off-keeps-mmap'])
  })

  it('of the container that VFIO has itself show only where it is built', () => {
    for (const { file, name, cells } of bugs) {
      if (!['drivers/vfio/vfio_iommu_type1.c', 'drivers/vfio/container.c'].includes(file)) continue
      expect(cells.every((cell) => cell.startsWith('noiommu/')), name).toBe(true)
    }
  })

  it.each(bugs)('$name: every hunk has as many lines as it says', ({ patch }) => {
    const hunks = readFileSync(patch, 'utf8').split(/^(?=@@ )/m).slice(1)
    expect(hunks.length).toBeGreaterThan(0)
    for (const hunk of hunks) {
      const head = /^@@ -\d+,(\d+) \+\d+,(\d+) @@/.exec(hunk)
      const lines = hunk.split('\n').slice(1, -1)
      expect(lines.filter((line) => !line.startsWith('+')).length).toBe(Number(head?.[1]))
      expect(lines.filter((line) => !line.startsWith('-')).length).toBe(Number(head?.[2]))
      expect(lines.some((line) => /^[+-]/.test(line))).toBe(true)
    }
  })
})

describe('a header', () => {
  const good = [
    'What: one', '  two', 'Where: drivers/vfio/group.c f()', 'Ioctl: VFIO_SET_IOMMU', 'Cells: noiommu/none', '---', '--- a/drivers/vfio/group.c', '',
  ].join('\n')

  it('is unfolded', () => {
    expect(parseBug('/x/01-a.patch', good)).toEqual({
      name: '01-a', patch: '/x/01-a.patch', what: 'one two', file: 'drivers/vfio/group.c', function: 'f',
      ioctls: ['VFIO_SET_IOMMU'], cells: ['noiommu/none'],
    })
  })

  it('may name the suite that finds the bug', () => {
    expect(parseBug('/x/01-a.patch', good.replace('none\n---', 'none\nSuite: model\n---')).suite).toBe('model')
  })

  it('may name no ioctl', () => {
    expect(parseBug('/x/01-a.patch', good.replace('VFIO_SET_IOMMU', 'none')).ioctls).toEqual([])
  })

  it.each([
    ['no end', good.replace('\n---\n', '\n')],
    ['a field missing', good.replace('Ioctl: VFIO_SET_IOMMU\n', '')],
    ['fields in another order', good.replace('What: one\n  two\n', '').replace('\n---\n', '\nWhat: one\n---\n')],
    ['no function', good.replace(' f()', '')],
    ['another file in the diff', good.replace('a/drivers/vfio/group.c', 'a/drivers/vfio/container.c')],
    ['an ioctl that is none', good.replace('VFIO_SET_IOMMU', 'ioctl')],
    ['none beside an ioctl', good.replace('VFIO_SET_IOMMU', 'none VFIO_SET_IOMMU')],
    ['nothing for an ioctl', good.replace('VFIO_SET_IOMMU', '')],
    ['no cell', good.replace(' noiommu/none', ' ')],
  ])('is refused with %s', (_, text) => {
    expect(() => parseBug('/x/01-a.patch', text)).toThrow('01-a.patch: ')
  })
})

describe('a failing case points at a bug', () => {
  const header = ['What: one', 'Where: drivers/vfio/group.c f()', 'Ioctl: VFIO_SET_IOMMU', 'Cells: noiommu/none', '---', '--- a/drivers/vfio/group.c', ''].join('\n')
  const bug = parseBug('/x/01-a.patch', header)
  const fileOnly = parseBug('/x/01-a.patch', header.replace('VFIO_SET_IOMMU', 'none'))

  it('by its ioctl', () => {
    expect(pointsAt(bug, { ioctls: ['VFIO_GET_API_VERSION', 'VFIO_SET_IOMMU'], sources: [] })).toBe(true)
    expect(pointsAt(fileOnly, { ioctls: ['VFIO_SET_IOMMU'], sources: [] })).toBe(false)
  })

  it('by its file', () => {
    for (const one of [bug, fileOnly]) expect(pointsAt(one, { ioctls: [], sources: ['drivers/vfio/group.c'] })).toBe(true)
  })

  it('by nothing else', () => {
    expect(pointsAt(bug, { ioctls: ['VFIO_SET'], sources: ['drivers/vfio/container.c', 'drivers/vfio/group.ch'] })).toBe(false)
  })
})
