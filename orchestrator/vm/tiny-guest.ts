import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { cleanLine } from '../host/clean-text.ts'
import { start } from '../host/spawn.ts'
import { BOARD } from '../machine/machine-args.ts'
import { TOOLS_QEMU, qemuCommand } from '../toolbox/qemu-program.ts'
import type { Tools } from '../toolbox/tools.ts'
import { bootSectorDisk, EXIT_PORT, EXIT_STATUS } from './boot-sector.ts'
import type { Accel } from './running-vm.ts'

/** A host with KVM needs a third of a second. */
const DEADLINE_MS = 3_000

export type TinyGuestEnd = { readonly ran: true } | { readonly ran: false; readonly because: string }

/**
 * Runs the smallest guest there is on the board of the lab's machines: firmware, boot sector, end.
 * An accelerator that opens and answers may still run nothing, so only this is believed.
 */
export const runTinyGuest = async (accel: Accel, tools: Tools, signal: AbortSignal): Promise<TinyGuestEnd> => {
  await using stack = new AsyncDisposableStack()
  const folder = stack.adopt(await mkdtemp(join(tmpdir(), 'vfio-lab-')), (path) => rm(path, { recursive: true, force: true }))
  const disk = join(folder, 'boot-sector')
  await writeFile(disk, bootSectorDisk())
  const command = qemuCommand(TOOLS_QEMU, tools, {
    args: [
      '-nodefaults', '-no-user-config', '-display', 'none', '-no-reboot',
      '-machine', BOARD, '-accel', accel, '-cpu', accel === 'kvm' ? 'host' : 'max', '-m', '32M',
      '-device', `isa-debug-exit,iobase=${EXIT_PORT},iosize=1`,
      '-drive', `if=none,id=disk,format=raw,file=${disk}`,
      '-device', 'ide-hd,drive=disk',
    ],
    write: [folder],
  })
  const qemu = stack.use(await start(command, { what: `a tiny guest under ${accel}`, signal, graceMs: 100 }))
  let said = ''
  qemu.stdout.resume()
  qemu.stderr.on('data', (chunk: Buffer) => { said = (said + chunk.toString('utf8')).slice(0, 4096) })
  const over = new AbortController()
  stack.defer(() => { over.abort() })
  const late = sleep(DEADLINE_MS, undefined, { signal: over.signal }).catch(() => undefined)
  const exit = await Promise.race([qemu.exited, late])
  signal.throwIfAborted()
  if (exit === undefined) return { ran: false, because: `a tiny guest did not get through its firmware within ${DEADLINE_MS / 1000} s` }
  if (exit.code === EXIT_STATUS) return { ran: true }
  const words = cleanLine(said.split('\n').find((line) => line.trim() !== '') ?? '', 200)
  return { ran: false, because: words === '' ? `QEMU ended with ${exit.signal ?? `status ${exit.code ?? 'unknown'}`}` : words }
}
