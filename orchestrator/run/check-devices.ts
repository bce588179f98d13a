import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import type { ServedDevice } from '../machine/slot-args.ts'
import { startDeviceServer } from '../vm/device-server.ts'
import { socketFolder } from '../vm/socket-folder.ts'
import { deviceProgram } from './device-program.ts'

/**
 * Starts each of these devices for a moment, without a guest: what is wrong with a user's file is said before the time that a build takes.
 * Throws what startDeviceServer throws: yours/BAD_DEVICE, lab/DEVICE_DIED, DEVICE_SILENT.
 */
export const checkDevices = async (served: readonly ServedDevice[], signal: AbortSignal): Promise<void> => {
  const programs = new Map(served.map(deviceProgram).map((program) => [JSON.stringify([program.file, program.options]), program]))
  if (programs.size === 0) return
  await using stack = new AsyncDisposableStack()
  const folder = stack.adopt(await socketFolder(), (path) => rm(path, { recursive: true, force: true }))
  for (const [index, program] of [...programs.values()].entries()) {
    await using started = await startDeviceServer(program, { socket: join(folder, `d${index}`), folder, signal })
  }
}
