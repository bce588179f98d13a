import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { execa } from 'execa'
import fc from 'fast-check'
import { test } from 'vitest'
import { z } from 'zod'

/** One long list of checks: the full tier does all of it and can be stopped and resumed, the short tier takes a seeded sample. */
export interface Campaign<Item extends { readonly name: string }> {
  readonly name: string
  readonly items: readonly Item[]
  /** How many items the short tier takes. */
  readonly sample: number
  readonly check: (item: Item) => Promise<void>
}

const projectDir = join(import.meta.dirname, '..', '..')
const stateFile = join(projectDir, '.lab', 'test-full.json')
const stateSchema = z.object({ commit: z.string(), items: z.record(z.string(), z.enum(['passed', 'failed'])) })
type State = z.infer<typeof stateSchema>

/** A cold kernel and its guests, on a slow and busy machine. */
const ITEM_LIMIT_MS = 45 * 60_000

const full = process.env['LAB_TEST_FULL'] === '1'
const seed = Number(process.env['LAB_TEST_SEED'] ?? '1')

/** Registers one test an item. */
export const campaign = async <Item extends { readonly name: string }>({ name, items, sample, check }: Campaign<Item>): Promise<void> => {
  const state = full ? await readState() : undefined
  for (const item of full ? items : sampleOf(items, sample)) {
    const key = `${name}: ${item.name}`
    // It held on this very commit already: the kept result counts it, this call does not.
    test.skipIf(state?.items[key] === 'passed')(key, async () => {
      try {
        await check(item)
        await note(key, 'passed')
      } catch (error) {
        await note(key, 'failed')
        throw error
      }
    }, ITEM_LIMIT_MS)
  }
}

/** The same seed takes the same items; another seed soon takes others. */
const sampleOf = <Item>(items: readonly Item[], count: number): readonly Item[] =>
  fc.sample(fc.shuffledSubarray([...items], { minLength: count, maxLength: count }), { seed, numRuns: 1 }).flat()

// A result of another commit, or of a changed tree, says nothing of this one.
const readState = async (): Promise<State> => {
  const { stdout: commit } = await execa('git', ['describe', '--always', '--dirty', '--abbrev=40'], { cwd: projectDir })
  const text = await readFile(stateFile, 'utf8').catch(() => undefined)
  const known = text === undefined ? undefined : stateSchema.safeParse(JSON.parse(text)).data
  return known?.commit === commit && !commit.endsWith('-dirty') ? known : { commit, items: {} }
}

const note = async (key: string, outcome: 'passed' | 'failed') => {
  if (!full) return
  const state = await readState()
  await mkdir(join(projectDir, '.lab'), { recursive: true })
  await writeFile(stateFile, JSON.stringify({ ...state, items: { ...state.items, [key]: outcome } }, null, 2))
}
