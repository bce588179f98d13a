import { fileURLToPath } from 'node:url'
import { execa } from 'execa'
import { expect, it } from 'vitest'

const script = fileURLToPath(new URL('./print-fake-run.ts', import.meta.url))
const node = process.execPath

it('goes on when nobody reads its pipe any more', async () => {
  const { stdout, stderr } = await execa('bash', ['-c', '"$0" "$1" 1 | head -n 1', node, script])
  expect(stdout).toBe('[    0.0] run 20261120-141503-9f3a')
  expect(stderr).toContain('shown')
})

it('writes no escape sequence to a pipe', async () => {
  const { stdout } = await execa(node, [script], { env: { FORCE_COLOR: undefined, CI: undefined, NO_COLOR: undefined }, extendEnv: true })
  expect(stdout).not.toContain('\u001b')
  expect(stdout).toContain('8 unexpected')
})
