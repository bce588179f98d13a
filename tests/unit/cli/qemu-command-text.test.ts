import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { qemuCommandText } from '../../../orchestrator/cli/qemu-command-text.ts'
import { sandboxed } from '../../../orchestrator/toolbox/sandbox.ts'
import type { Tools } from '../../../orchestrator/toolbox/tools.ts'
import { someCell } from '../plan/made-up-lab.ts'

let dir = ''
beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'vfio-lab-command-'))
  for (const name of ['bzImage', 'initrd']) await writeFile(join(dir, name), '')
})
afterAll(async () => { await rm(dir, { recursive: true }) })

test('the command of a guest brings a place for what is written to its disks: the toolbox has none', async () => {
  const spec = {
    machineArgs: ['-device', 'nvme,id=device0'], accel: 'tcg', bzImage: join(dir, 'bzImage'), initrd: join(dir, 'initrd'), disk: '/images/disk',
    commandLine: [], folder: dir, bootLimitMs: 1000,
  } as const
  const tools: Tools = {
    kind: 'toolbox', id: '', versions: {}, root: '/toolbox', missing: [], command: (invocation) => sandboxed('/usr/bin/bwrap', '/toolbox', invocation),
  }
  const text = await qemuCommandText(someCell, spec, { tools }, dir)
  const folder = join(dir, '.lab', 'shell', ...someCell.id.split('/'))
  expect(text).toContain(`--setenv TMPDIR ${folder} `)
  expect(text).toContain(`--bind ${folder} ${folder} `)
  expect(text).toContain('\n  -device nvme,id=device0 \\\n')
})
