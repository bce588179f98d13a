import { existsSync } from 'node:fs'
import { lock, pollPause, tryLock } from './lock.ts'

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
  let told = false
  const waits = (): void => {
    if (!told) onWait()
    told = true
  }
  for (;;) {
    const shared = await lock(file, { shared: true, signal, onWait: waits })
    // Looked at under the lock: whoever removes it holds it exclusively.
    if (existsSync(folder)) return shared
    await shared[Symbol.asyncDispose]()
    await using exclusive = await tryLock(file)
    if (exclusive === undefined) {
      // Somebody else came first. Once it is made he holds it shared for as long as he works: what is waited for is that, not that nobody has it.
      waits()
      await pollPause(signal)
    } else if (!existsSync(folder)) await make()
  }
}
