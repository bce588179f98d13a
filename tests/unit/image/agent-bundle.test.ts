import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { bundleAgent } from '../../../orchestrator/image/agent-bundle.ts'

it('says what is wrong with an agent that cannot be bundled', async () => {
  await using stack = new AsyncDisposableStack()
  const folder = stack.adopt(await mkdtemp(join(tmpdir(), 'agent-')), (path) => rm(path, { recursive: true }))
  const entry = join(folder, 'main.ts')
  await writeFile(entry, 'import "./missing.ts"\n')
  const error: unknown = await bundleAgent(entry).catch((cause: unknown) => cause)
  expect(error).toMatchObject({ kind: 'lab', code: 'AGENT_BUNDLE' })
  expect(JSON.stringify(error)).toContain('./missing.ts')
})

it('gives the same code and hash for the same source', async () => {
  const [one, other] = await Promise.all([bundleAgent(), bundleAgent()])
  expect(one.hash).toBe(other.hash)
  expect(Buffer.from(one.code).includes('koffi')).toBe(true)
})
