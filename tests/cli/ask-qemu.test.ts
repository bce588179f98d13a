import { chmod, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { loadConfig } from '../../orchestrator/config/load-config.ts'
import { machineArgs } from '../../orchestrator/machine/machine-args.ts'
import { wantsAts } from '../../orchestrator/machine/machine-spec.ts'
import { DIALECTS } from '../../orchestrator/machine/qemu-offer.ts'
import { openTools } from '../../orchestrator/toolbox/open-tools.ts'
import { TOOLS_QEMU } from '../../orchestrator/toolbox/qemu-program.ts'
import { askQemu } from '../../orchestrator/vm/ask-qemu.ts'
import { temporaryDir } from '../lab-process.ts'

const signal = new AbortController().signal
const options = { notice: () => undefined, signal }

test("the toolbox's QEMU says what it has, and that is enough for every machine of the default lab", async () => {
  await using tools = await openTools('toolbox', options)
  const offer = await askQemu(TOOLS_QEMU, tools, signal)
  expect(tools.versions['qemu']).toContain(offer.version)
  for (const device of DIALECTS) expect(offer.properties.get(device)?.size).toBeGreaterThan(3)
  const { machines } = await loadConfig(undefined, join(import.meta.dirname, '..', '..'))
  // What no release of QEMU has comes with another one.
  for (const machine of machines.filter((one) => !wantsAts(one))) expect(machineArgs(machine, offer).qemu).toContain('-machine')
})

test('a program that is no QEMU is refused, and nothing hangs', async () => {
  await using dir = await temporaryDir()
  const program = join(dir.path, 'no-qemu')
  await writeFile(program, '#!/bin/sh\ncat >/dev/null\necho \'{"return": {}}\'\n')
  await chmod(program, 0o755)
  await using tools = await openTools('host', options)
  await expect(askQemu({ program, runsIn: 'host' }, tools, signal)).rejects.toThrow(expect.objectContaining({ kind: 'lab', code: 'BAD_QEMU' }))
})
