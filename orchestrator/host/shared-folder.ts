import { existsSync } from 'node:fs'
import { lock } from './lock.ts'

export interface SharedFolderOptions {
  readonly signal: AbortSignal
  /** Called once, when another lab makes it or removes it and the wait begins. */
  readonly onWait: () => void
  /** Makes the folder, by publishFolder; called with the lock held exclusively. */
  readonly make: () => Promise<void>
}

/**
 * A shared lock on a folder of the cache that many labs use at once; the first one makes it. While the lock is held nobody removes the folder: whoever
 * does that must hold `<folder>.lock` exclusively. Throws what `make` throws.
 */
export const openSharedFolder = async (folder: string, { signal, onWait, make }: SharedFolderOptions): Promise<AsyncDisposable> => {
  const file = `${folder}.lock`
  for (;;) {
    const shared = await lock(file, { shared: true, signal, onWait })
    // Looked at under the lock: whoever removes it holds it exclusively.
    if (existsSync(folder)) return shared
    await shared[Symbol.asyncDispose]()
    await using exclusive = await lock(file, { signal, onWait })
    if (!existsSync(folder)) await make()
  }
}
