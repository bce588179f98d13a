import type { QmpEvent } from './qmp.ts'
import { panicWatch } from './panic-watch.ts'
import type { VmDeath } from './running-vm.ts'

/** Collects what can end a guest; the first tells. */
export interface DeathWatch {
  readonly death: Promise<VmDeath>
  /** For lines of the console. */
  line(line: string): void
  /** For events of QEMU. */
  event(event: QmpEvent): void
  labFailed(because: string): void
}

export const deathWatch = (): DeathWatch => {
  const { promise, resolve } = Promise.withResolvers<VmDeath>()
  const kernel = (because: string) => { resolve({ kind: 'kernel', because }) }
  return {
    death: promise,
    line: panicWatch(kernel),
    event: ({ event, data }) => {
      // QEMU stays alive, stopped: see -action in qemu-args.ts.
      if (event === 'SHUTDOWN' && data['guest'] === true) kernel(`the guest ended by itself (${String(data['reason'])})`)
      if (event === 'GUEST_PANICKED') kernel('the guest panicked')
    },
    labFailed: (because) => { resolve({ kind: 'lab', because }) },
  }
}
