import { setTimeout as sleep } from 'node:timers/promises'
import { cleanLine } from '../host/clean-text.ts'
import { kernelFault, labFault } from '../host/errors.ts'
import type { PluggedLater } from '../machine/slot-args.ts'
import { invalidOutput } from './event-lines.ts'
import type { Qmp, QmpEvent } from './qmp.ts'

/** Devices of one guest that come and go. */
export interface HotPlug {
  /**
   * Resolves when QEMU has plugged it in, not when the guest has seen it. Throws kernel/STILL_PLUGGED when the guest was asked for it before and does not
   * let go; lab/QMP_FAILED; AGENT_OUTPUT_INVALID: there is no such device.
   */
  plug(later: number, qmp: Qmp): Promise<void>
  /** Resolves when QEMU has asked the guest to let go of it, now or before, or when it is out because the guest took the power from its slot. */
  unplug(later: number, qmp: Qmp): Promise<void>
  /** For events of QEMU. */
  event(event: QmpEvent): void
}

/** A guest sees the end of a device a little before QEMU has forgotten its name. */
const FORGET_MS = 10_000

export const hotPlug = (devices: readonly PluggedLater[], forgetMs = FORGET_MS): HotPlug => {
  /** Those that the guest was asked for and that are still there. */
  const leaving = new Map<string, PromiseWithResolvers<undefined>>()
  /** Those that are plugged in. */
  const present = new Set<string>()
  const deviceAt = (later: number): PluggedLater => {
    const found = devices[later]
    if (found === undefined) throw invalidOutput('that it wants a device that this machine has not', String(later))
    return found
  }
  return {
    plug: async (later, qmp) => {
      const { id, value } = deviceAt(later)
      const left = leaving.get(id)?.promise
      if (left !== undefined) await Promise.race([left, sleep(forgetMs, undefined, { ref: false })])
      if (leaving.has(id)) throw kernelFault('STILL_PLUGGED', `the guest was asked to let go of ${id} and has not`)
      // By the monitor's line: QMP wants each property in its type, and a mask of 64 bits is no number of JavaScript's.
      const said = await qmp.execute('human-monitor-command', { 'command-line': `device_add ${value}` })
      if (typeof said === 'string' && said.trim() !== '') throw labFault('QMP_FAILED', `QEMU refused to plug ${id} in: ${cleanLine(said.trim(), 200)}`)
      present.add(id)
    },
    unplug: async (later, qmp) => {
      const { id } = deviceAt(later)
      // A second request is an error to QEMU, or takes the first one back. A case that failed asks again when it is taken down.
      if (leaving.has(id) || !present.has(id)) return
      leaving.set(id, Promise.withResolvers<undefined>())
      await qmp.execute('device_del', { id })
    },
    event: ({ event, data }) => {
      if (event !== 'DEVICE_DELETED' || typeof data['device'] !== 'string') return
      present.delete(data['device'])
      leaving.get(data['device'])?.resolve(undefined)
      leaving.delete(data['device'])
    },
  }
}
