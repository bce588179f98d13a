import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { AgentRequest } from '../../guest-agent/protocol.ts'
import { start } from '../../orchestrator/host/spawn.ts'
import { cpioArchive } from '../../orchestrator/image/cpio.ts'
import type { Tools } from '../../orchestrator/toolbox/tools.ts'
import { guestCommand } from '../../orchestrator/vm/guest-command.ts'
import type { VmSpec } from '../../orchestrator/vm/running-vm.ts'
import { startVm, type VmSurroundings } from '../../orchestrator/vm/start-vm.ts'

const LINE = 'the floor is reached'
const INIT = `#!/bin/busybox sh\necho '${LINE}'\nexec /bin/busybox sleep 1000\n`

/** From QEMU's exec to the arrival of the first line of a busybox init, milliseconds: same QEMU, machine, kernel and command line. */
export const floorMs = async (spec: Omit<VmSpec, 'initrd' | 'folder'>, tools: Tools, signal: AbortSignal): Promise<number> => {
  await using stack = new AsyncDisposableStack()
  const folder = stack.adopt(await mkdtemp(join(tmpdir(), 'floor-')), (path) => rm(path, { recursive: true, force: true }))
  const initrd = join(folder, 'initrd.cpio')
  await writeFile(initrd, cpioArchive([
    { kind: 'folder', path: 'bin', mode: 0o755 },
    { kind: 'folder', path: 'dev', mode: 0o755 },
    { kind: 'character-device', path: 'dev/console', mode: 0o600, major: 5, minor: 1 },
    { kind: 'file', path: 'init', mode: 0o755, data: Buffer.from(INIT) },
    { kind: 'file', path: 'bin/busybox', mode: 0o755, data: await readFile(join(tools.root, 'usr/bin/busybox')) },
  ]))
  const command = guestCommand({ ...spec, initrd }, folder, tools)
  const startedAt = performance.now()
  const qemu = stack.use(await start(command, { what: 'the floor', signal, graceMs: 100 }))
  qemu.stderr.resume()
  let said = ''
  for await (const chunk of qemu.stdout) {
    said += String(chunk)
    if (said.includes(LINE)) return performance.now() - startedAt
  }
  throw new Error(`the guest of the floor ended without its line: ${said.slice(-500)}`)
}

export interface AnswerFigure {
  /** From QEMU's exec to the agent's first event at the orchestrator, milliseconds. */
  readonly answerMs: number
  /** Of it, to an open SSH session. */
  readonly sshMs: number
}

const NO_CASES: AgentRequest = { run: { cases: [], cell: { config: {}, uapi: [], iommu: [], devices: [], topology: [] }, timeoutScale: 1 } }

/** Boots a guest as a run does and asks the agent to run nothing. */
export const answerMs = async (spec: Omit<VmSpec, 'folder'>, surroundings: VmSurroundings): Promise<AnswerFigure> => {
  await using stack = new AsyncDisposableStack()
  const folder = stack.adopt(await mkdtemp(join(tmpdir(), 'answer-')), (path) => rm(path, { recursive: true, force: true }))
  const startedAt = performance.now()
  const vm = stack.use(await startVm({ ...spec, folder }, surroundings))
  for await (const event of vm.ask(NO_CASES, surroundings.signal)) {
    if (event.event === 'hello') return { answerMs: performance.now() - startedAt, sshMs: vm.bootMs }
  }
  throw new Error('the agent did not say hello')
}
