import type { Privilege } from '../protocol.ts'
import { checked } from './libc.ts'

/** linux/capability.h */
const BITS: Readonly<Record<Privilege, number>> = { CAP_IPC_LOCK: 14, CAP_SYS_RAWIO: 17, CAP_SYS_ADMIN: 21, CAP_SYS_RESOURCE: 24 }

const VERSION_3 = 0x20080522

/**
 * Runs a function while this thread does not hold a capability in its effective set; it is permitted throughout and comes back.
 * The function must be synchronous: what runs on other threads (fs/promises) keeps its privileges.
 */
export const withoutCapability = <T>(capability: Privilege, run: () => T): T => {
  const before = capget()
  const reduced = before.slice()
  const view = new DataView(reduced.buffer)
  view.setUint32(0, view.getUint32(0, true) & ~(1 << BITS[capability]), true)
  capset(reduced)
  try {
    return run()
  } finally {
    capset(before)
  }
}

/** Does this thread hold the capability now? */
export const hasCapability = (capability: Privilege): boolean =>
  (new DataView(capget().buffer).getUint32(0, true) & (1 << BITS[capability])) !== 0

/** struct __user_cap_header_struct for the calling thread. */
const header = (): Uint8Array => {
  const bytes = new Uint8Array(new ArrayBuffer(8))
  new DataView(bytes.buffer).setUint32(0, VERSION_3, true)
  return bytes
}

/** Two struct __user_cap_data_struct: effective, permitted, inheritable. */
const capget = (): Uint8Array<ArrayBuffer> => {
  const data = new Uint8Array(new ArrayBuffer(24))
  checked('capget()', (c) => c.capget(header(), data))
  return data
}

const capset = (data: Uint8Array): void => {
  checked('capset()', (c) => c.capset(header(), data))
}
