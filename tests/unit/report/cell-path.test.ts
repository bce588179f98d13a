import { isAbsolute, join, normalize, sep } from 'node:path'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { cellPath } from '../../../orchestrator/report/cell-path.ts'

describe('the path of a cell', () => {
  it('of an ordinary cell is its id', () => {
    expect(cellPath('debian/no-container/intel-scalable')).toBe('debian/no-container/intel-scalable')
    expect(cellPath('linux-7.3_rc7/noiommu/none')).toBe('linux-7.3_rc7/noiommu/none')
  })

  const names = fc.oneof(fc.string({ unit: 'binary' }), fc.constantFrom('', '.', '..', '...', '~', '%', '%2e', 'a b', 'CON', 'ä'.repeat(200), 'x'.repeat(300)))
  const ids = fc.array(names, { minLength: 1, maxLength: 4 }).map((parts) => parts.join('/'))

  it('never leaves its folder and has a name that any file system takes', () => {
    fc.assert(fc.property(ids, (id) => {
      const path = cellPath(id)
      expect(isAbsolute(path)).toBe(false)
      expect(normalize(join('/run', path))).toBe(`/run/${path}`)
      for (const name of path.split(sep)) {
        expect(name).toMatch(/^[A-Za-z0-9_+.%~-]+$/)
        expect(name.startsWith('.')).toBe(false)
        expect(name.length).toBeLessThanOrEqual(240)
      }
    }))
  })

  it('is another one for another cell', () => {
    fc.assert(fc.property(ids, ids, (a, b) => {
      // Lone surrogates are all the same replacement character once they are bytes.
      expect(cellPath(a) === cellPath(b)).toBe(a.toWellFormed() === b.toWellFormed())
    }))
  })
})
