import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { execa } from 'execa'
import { z } from 'zod'
import type { TestCounts } from './test-tier.ts'

/** What the campaigns of the full tier noted of themselves; tests/vm/campaign.ts writes it, item by item. */
const campaignState = z.object({ commit: z.string(), items: z.record(z.string(), z.enum(['passed', 'failed'])) })

/** Keeps the last full result, with the commit it ran on, under tests/: it is committed and speaks for itself. */
export const keepFullResult = async (projectDir: string, counts: TestCounts, durationMs: number): Promise<void> => {
  const commit = await execa('git', ['describe', '--always', '--dirty', '--abbrev=40'], { cwd: projectDir, reject: false })
  const state = await readFile(join(projectDir, '.lab', 'test-full.json'), 'utf8').catch(() => undefined)
  const campaigns = state === undefined ? {} : campaignState.parse(JSON.parse(state)).items
  await writeFile(join(projectDir, 'tests', 'full-result.json'), `${JSON.stringify({
    commit: commit.stdout.trim(), endedAt: new Date().toISOString(), minutes: Math.round(durationMs / 60_000), ...counts, campaigns,
  }, null, 2)}\n`)
}
