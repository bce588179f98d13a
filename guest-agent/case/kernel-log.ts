import fs from 'node:fs'
import { readText } from '../sys/text-file.ts'

/**
 * One line to the kernel's log, at a level that reaches the console however quiet it is.
 * The file is opened anew each time: what one open of /dev/kmsg may write is limited to ten lines in five seconds.
 */
export const writeConsole = (line: string): void => {
  fs.writeFileSync('/dev/kmsg', `<1>${line}\n`)
}

/** The bits of /proc/sys/kernel/tainted (Documentation/admin-guide/tainted-kernels.rst); 0 when the kernel does not show them. */
export const tainted = (): number => Number(readText('/proc/sys/kernel/tainted') ?? 0)
