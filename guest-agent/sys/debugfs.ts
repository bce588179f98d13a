import { checked } from './libc.ts'
import { namesIn, readText } from './text-file.ts'

export const DEBUGFS = '/sys/kernel/debug'

/** Mounts debugfs where the kernel has it; it stays. */
export const mountDebugfs = (): void => {
  const has = (readText('/proc/filesystems') ?? '').split('\n').some((line) => line.endsWith('\tdebugfs'))
  if (!has || namesIn(DEBUGFS).length > 0) return
  checked('mount(debugfs)', (c) => c.mount('debugfs', DEBUGFS, 'debugfs', 0n, ''))
}
