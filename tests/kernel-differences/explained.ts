import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { z } from 'zod'
import { diffRuns } from '../../orchestrator/verdict/diff-runs.ts'
import type { Results } from '../../orchestrator/verdict/results.ts'

/** What one hunk between two trees explains of the difference between their runs. */
const hunk = z.strictObject({
  name: z.string(),
  /** In the tree. */
  file: z.string(),
  /** Text of the older tree's file that the newer one lacks, and the other way. */
  gone: z.string().optional(),
  added: z.string(),
  why: z.string(),
  differences: z.array(z.strictObject({ change: z.enum(['new', 'gone', 'changed']), cells: z.array(z.string()), cases: z.array(z.string()) })),
})

export type ExplainingHunk = z.infer<typeof hunk>

/** `7.2-to-7.3` and the like, beside this file. */
export const explainingHunks = async (name: string): Promise<readonly ExplainingHunk[]> =>
  z.array(hunk).parse(JSON.parse(await readFile(join(import.meta.dirname, `${name}.json`), 'utf8')))

/** What is wrong with the claim that this hunk lies between two trees; undefined: nothing. */
export const hunkProblem = async ({ name, file, gone, added }: ExplainingHunk, older: string, newer: string): Promise<string | undefined> => {
  const [before, after] = await Promise.all([older, newer].map((tree) => readFile(join(tree, file), 'utf8')))
  if (before === undefined || after === undefined) throw new Error('both were read')
  if (before.includes(added)) return `${name}: ${file} of the older tree has it already: ${added}`
  if (!after.includes(added)) return `${name}: ${file} of the newer tree has not: ${added}`
  if (gone !== undefined && !before.includes(gone)) return `${name}: ${file} of the older tree has not: ${gone}`
  return gone !== undefined && after.includes(gone) ? `${name}: ${file} of the newer tree has it still: ${gone}` : undefined
}

/** Every difference that the hunks explain in the cells of one config: `new noiommu/none cdev-bind/refusals`. */
export const explainedIn = (hunks: readonly ExplainingHunk[], config: string): readonly string[] =>
  hunks.flatMap(({ differences }) => differences)
    .flatMap(({ change, cells, cases }) => cells.filter((cell) => cell.startsWith(`${config}/`)).flatMap((cell) => cases.map((id) => `${change} ${cell} ${id}`)))
    .toSorted()

/** Every difference of two runs, in the same words. */
export const differencesOf = (a: Results, b: Results): readonly string[] =>
  diffRuns(a, b).cells.flatMap(({ id, differences }) => differences.map(({ change, place }) => `${change} ${id} ${place.kind === 'case' ? place.id : place.kind}`)).toSorted()
