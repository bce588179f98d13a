import { mkdir, open } from 'node:fs/promises'
import { dirname } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { tryFlock } from './flock.ts'

export interface LockOptions {
  /** Many may hold it shared at once; exclusive is the default. */
  readonly shared?: boolean
}

export interface LockWaitOptions extends LockOptions {
  readonly signal?: AbortSignal
  /** Called once, when somebody else holds the lock and the wait begins. */
  readonly onWait?: () => void
}

const POLL_MS = 100

/**
 * Takes flock(2) on a file, which is created with its folder and never removed: a lock file that goes away
 * would let two processes hold "the same" lock. Crash-safe. Rejects with the signal's reason when aborted.
 */
export const lock = async (path: string, options: LockWaitOptions = {}): Promise<AsyncDisposable> => {
  for (let waited = false; ; waited = true) {
    options.signal?.throwIfAborted()
    const held = await tryLock(path, options)
    if (held !== undefined) return held
    if (!waited) options.onWait?.()
    await pollPause(options.signal)
  }
}

/** Like `lock`, and undefined at once when somebody else holds it. */
export const tryLock = async (path: string, options: LockOptions = {}): Promise<AsyncDisposable | undefined> => {
  await mkdir(dirname(path), { recursive: true })
  const file = await open(path, 'a')
  try {
    if (tryFlock(file.fd, options.shared ?? false)) return { [Symbol.asyncDispose]: () => file.close() }
  } catch (error) {
    await file.close()
    throw error
  }
  await file.close()
  return undefined
}

/** The time between two tries. Rejects with the signal's reason when aborted. */
export const pollPause = async (signal: AbortSignal | undefined): Promise<void> => {
  try {
    await sleep(POLL_MS, undefined, signal === undefined ? {} : { signal })
  } catch (error) {
    signal?.throwIfAborted()
    throw error
  }
}
