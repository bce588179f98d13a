import { checked } from './libc.ts'

const RLIMIT_MEMLOCK = 8

/**
 * Runs a function under a soft limit of locked memory, in bytes. The limit counts only for who lacks CAP_IPC_LOCK:
 * combine it with withoutCapability('CAP_IPC_LOCK', ...).
 */
export const withMemlockLimit = <T>(bytes: number, run: () => T): T => {
  const before = new Uint8Array(new ArrayBuffer(16))
  checked('getrlimit(RLIMIT_MEMLOCK)', (c) => c.getrlimit(RLIMIT_MEMLOCK, before))
  const limited = before.slice()
  new DataView(limited.buffer).setBigUint64(0, BigInt(bytes), true)
  set(limited)
  try {
    return run()
  } finally {
    set(before)
  }
}

const set = (limit: Uint8Array): void => {
  checked('setrlimit(RLIMIT_MEMLOCK)', (c) => c.setrlimit(RLIMIT_MEMLOCK, limit))
}
