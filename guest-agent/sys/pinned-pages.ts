import { Errno } from './errno.ts'
import { readText } from './text-file.ts'

/**
 * Pages that are pinned in the whole guest, whoever pinned them: taken less given back (nr_foll_pin_acquired and nr_foll_pin_released of
 * /proc/vmstat). What each processor counts for itself is added up first; undefined: the kernel cannot do that.
 */
export const pinnedPages = (): number | undefined => {
  try {
    if (readText('/proc/sys/vm/stat_refresh') === undefined) return undefined
  } catch (error) {
    // It says so when a counter is below zero, which is not ours to judge.
    if (!(error instanceof Errno)) throw error
  }
  const [, acquired, released] = /^nr_foll_pin_acquired (\d+)\nnr_foll_pin_released (\d+)$/m.exec(readText('/proc/vmstat') ?? '') ?? []
  return acquired === undefined ? undefined : Number(acquired) - Number(released)
}
