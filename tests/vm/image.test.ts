import { join } from 'node:path'
import { writeFile } from 'node:fs/promises'
import fc from 'fast-check'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { run } from '../../orchestrator/host/spawn.ts'
import { cpioArchive, type CpioEntry } from '../../orchestrator/image/cpio.ts'
import { openTools } from '../../orchestrator/toolbox/open-tools.ts'
import { temporaryDir } from '../lab-process.ts'

const live = new AbortController().signal
const stack = new AsyncDisposableStack()
let tools: Awaited<ReturnType<typeof openTools>>
let folder: string
beforeAll(async () => {
  tools = stack.use(await openTools('toolbox', { notice: () => undefined, signal: live }))
  folder = stack.use(await temporaryDir()).path
})
afterAll(async () => { await stack.disposeAsync() })

const listed = async (archive: Uint8Array): Promise<readonly string[]> => {
  await writeFile(join(folder, 'archive'), archive)
  const command = tools.command({ program: 'cpio', args: ['--list', '--quiet', '-F', join(folder, 'archive')], read: [folder] })
  return (await run(command, { what: 'listing an archive', signal: live })).stdout.split('\n').filter((line) => line !== '')
}

const path = fc.array(fc.stringMatching(/^[a-z0-9._-]{1,30}$/).filter((part) => !/^\.+$/.test(part)), { minLength: 1, maxLength: 3 }).map((parts) => parts.join('/'))
const entry: fc.Arbitrary<CpioEntry> = fc.oneof(
  fc.record({ kind: fc.constant('file' as const), path, mode: fc.constant(0o644), data: fc.uint8Array({ maxLength: 600 }) }),
  fc.record({ kind: fc.constant('folder' as const), path, mode: fc.constant(0o755) }),
  fc.record({ kind: fc.constant('link' as const), path, target: path }),
  fc.record({ kind: fc.constant('character-device' as const), path, mode: fc.constant(0o600), major: fc.nat(255), minor: fc.nat(255) }),
)

it('cpio(1) lists what was put into an archive', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(entry, { maxLength: 8 }), async (entries) => {
      expect(await listed(cpioArchive(entries))).toEqual(entries.map((one) => one.path))
    }),
    { numRuns: 25 },
  )
})
