import { copyFile, mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import type { Cell } from '../plan/plan.ts'
import { shellWord } from '../report/rerun-command.ts'
import type { Bench } from '../run/bench.ts'
import { qemuDevice, serverCommand } from '../vm/device-server.ts'
import { guestCommand } from '../vm/guest-command.ts'
import type { DeviceServerSpec, VmSpec } from '../vm/running-vm.ts'

/**
 * The command that starts a guest of the cell, for a shell: a line for each option, and before it one for each device that is a program of
 * its own. What it reads and a run would remove is left in `.lab/shell/<cell>`; its console is the terminal, its control socket (QMP) lies in
 * that folder too.
 */
export const qemuCommandText = async (cell: Cell, spec: VmSpec, { tools }: Pick<Bench, 'tools'>, dir: string): Promise<string> => {
  const folder = join(dir, '.lab', 'shell', ...cell.id.split('/'))
  await mkdir(folder, { recursive: true })
  const kept = { ...spec, initrd: join(folder, 'initrd'), bzImage: join(folder, 'bzImage') }
  for (const name of ['initrd', 'bzImage'] as const) await copyFile(spec[name], kept[name])
  const devices = (spec.deviceServers ?? []).map((device) => ({ device, socket: join(folder, device.id) }))
  const { file, args, programAt = -1 } = guestCommand(kept, folder, tools, devices.map(({ device, socket }) => qemuDevice(device, socket)))
  const words = [file, ...args].map(shellWord)
  // Up to the program itself in one line: that is how its surroundings are entered.
  const entering = words.slice(0, programAt + 2).join(' ')
  const options: string[] = []
  for (const word of words.slice(programAt + 2)) {
    if (/^'?-/.test(word) || options.length === 0) options.push(word)
    else options.push(`${options.pop() ?? ''} ${word}`)
  }
  const servers = devices.map(({ device, socket }) => serverLine(device, socket, join(folder, `${device.name}.ndjson`)))
  return [...servers, [entering, ...options.map((option) => `  ${option}`)].join(' \\\n'), ''].join('\n')
}

/** Starts a device in the background and waits until it listens, or ends. Its reports go into the file. */
const serverLine = (device: DeviceServerSpec, socket: string, reports: string): string => {
  const { file, args } = serverCommand(device, socket)
  const [command, at, into] = [[file, ...args].map(shellWord).join(' '), shellWord(socket), shellWord(reports)]
  return `rm -f ${at}; ${command} > ${into} & while ! test -S ${at} && kill -0 $!; do sleep 0.1; done`
}
