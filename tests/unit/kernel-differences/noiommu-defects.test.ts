import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { catalogue } from '../../../guest-agent/suites/index.ts'
import labConfig from '../../../lab.config.ts'
import { noiommuDefects, parseDefects } from '../../kernel-differences/noiommu-defects.ts'

const defects = await noiommuDefects()
const numbered = (letter: string, count: number) => Array.from({ length: count }, (_, index) => `${letter}${index + 1}`)

describe('the defects of the noiommu series', () => {
  test('are all there, once', () => {
    expect(defects.map(({ id }) => id)).toEqual([...numbered('D', 16), ...numbered('E', 16), ...numbered('F', 2)])
    expect(new Set(defects.map(({ defect }) => defect)).size).toBe(defects.length)
  })

  test('are shown by cases of the catalogue', () => {
    const ids = new Set(catalogue.map(({ info: { id } }) => id))
    expect(defects.flatMap((each) => ('cases' in each ? each.cases : [])).filter((id) => !ids.has(id))).toEqual([])
  })

  test('are shown by configs that ask for what a defect takes away', async () => {
    const asked = defects.flatMap((each) => ('asks' in each ? each.asks : []) ?? [])
    expect(asked).not.toEqual([])
    for (const { config, symbol } of asked) {
      const [, entry] = Object.entries(labConfig.configs).find(([name]) => name === config) ?? []
      const fragments = entry !== undefined && 'fragments' in entry ? entry.fragments : entry ?? []
      const texts = await Promise.all(fragments.map((name) => readFile(join(import.meta.dirname, '..', '..', '..', 'kernel-configs', `${name}.config`), 'utf8')))
      expect(texts.join('\n'), config).toMatch(new RegExp(`^CONFIG_${symbol}=y`, 'm'))
    }
  })
})

test.each([
  ['neither a case nor a reason', {}],
  ['no case in its list', { cases: [] }],
  ['both', { cases: ['nodes/groups'], reason: 'nothing of it reaches user space' }],
  ['a reason that says nothing', { reason: 'no' }],
])('a defect with %s is refused', (_, rest) => {
  const defect = { id: 'D1', defect: 'something in the kernel goes wrong', where: 'drivers/vfio/group.c', stands: 'V4', ...rest }
  expect(() => parseDefects(JSON.stringify([defect]))).toThrow()
})
