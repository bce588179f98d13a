import { z } from 'zod'
import { labFault } from '../host/errors.ts'
import { jsonOf } from '../host/json-of.ts'
import { run } from '../host/spawn.ts'
import { ASKED, type QemuOffer } from '../machine/qemu-offer.ts'
import { qemuCommand, type QemuProgram } from '../toolbox/qemu-program.ts'
import type { Tools } from '../toolbox/tools.ts'

/** A QEMU, and what it says that it has. */
export interface AskedQemu {
  readonly qemu: QemuProgram
  readonly offer: QemuOffer
}

const TIMEOUT_MS = 30_000
const TYPES = 'types'
const VERSION = 'version'

const version = z.object({ qemu: z.object({ major: z.int(), minor: z.int(), micro: z.int() }) })
const named = z.array(z.object({ name: z.string() }))
const answers = z.union([z.object({ id: z.string(), return: z.unknown() }), z.object({ id: z.string(), error: z.unknown() }).transform(({ id }) => ({ id, return: [] }))])

/**
 * Asks a QEMU over QMP (docs/interop/qemu-qmp-ref) what it has; nothing is emulated for that.
 * Throws lab/TOOL_MISSING, TOOL_FAILED, TOOL_TIMEOUT; BAD_QEMU for a program that is none.
 */
export const askQemu = async (qemu: QemuProgram, tools: Tools, signal: AbortSignal): Promise<QemuOffer> => {
  const commands = [
    { execute: 'qmp_capabilities' },
    { execute: 'query-version', id: VERSION },
    { execute: 'qom-list-types', arguments: { implements: 'device', abstract: false }, id: TYPES },
    ...ASKED.map((typename) => ({ execute: 'device-list-properties', arguments: { typename }, id: typename })),
    { execute: 'quit' },
  ]
  const command = qemuCommand(qemu, tools, { args: ['-machine', 'none', '-nodefaults', '-no-user-config', '-display', 'none', '-qmp', 'stdio'] })
  const { stdout } = await run(command, {
    what: 'asking QEMU what it has', signal, timeoutMs: TIMEOUT_MS, input: commands.map((one) => `${JSON.stringify(one)}\n`).join(''),
  })
  const said = new Map(stdout.split('\n').flatMap((line) => {
    const answer = answers.safeParse(jsonOf(line))
    return answer.success ? [[answer.data.id, answer.data.return] as const] : []
  }))
  const release = version.safeParse(said.get(VERSION))
  const types = named.safeParse(said.get(TYPES))
  if (!release.success || !types.success) throw labFault('BAD_QEMU', `${qemu.program} does not answer over QMP as a QEMU does`, { tail: stdout.split('\n').slice(0, 3) })
  const { major, minor, micro } = release.data.qemu
  return {
    version: `${major}.${minor}.${micro}`,
    devices: namesOf(types.data),
    properties: new Map(ASKED.map((device) => [device, namesOf(named.safeParse(said.get(device)).data ?? [])])),
  }
}

const namesOf = (all: readonly { readonly name: string }[]): ReadonlySet<string> => new Set(all.map(({ name }) => name))
