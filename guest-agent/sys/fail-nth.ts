import { DEBUGFS, mountDebugfs } from './debugfs.ts'
import { Errno } from './errno.ts'
import { Fd } from './fd.ts'
import { libc, type Libc, throughLibc } from './libc.ts'
import { writeText } from './text-file.ts'

/** What came of a call. */
export type Attempt<T> = {
  /** One of its allocations was refused. */
  readonly refusedMemory: boolean
} & ({ readonly result: T } | { readonly errno: Errno })

/**
 * Lets the nth allocation of a call fail, of a slab object or of pages for the kernel itself (Documentation/fault-injection/fault-injection.rst,
 * fail-nth). It counts what this thread allocates from the moment that it is told to, so nothing may come between that and the call: the
 * file stays open, and the call is made by the next thing that is done.
 */
export class FailNth implements Disposable {
  readonly #file: Fd

  /** @param file the thread's fail-nth, opened */
  constructor(file: Fd) {
    this.#file = file
  }

  static open(): FailNth {
    mountDebugfs()
    // Their probability is 0: they refuse nothing by themselves. Allocations that can wait are most of what there is.
    const settings = { 'failslab/ignore-gfp-wait': 'N', 'failslab/verbose': '0', 'fail_page_alloc/ignore-gfp-wait': 'N', 'fail_page_alloc/min-order': '0', 'fail_page_alloc/verbose': '0' }
    for (const [name, value] of Object.entries(settings)) writeText(`${DEBUGFS}/${name}`, value)
    return new FailNth(Fd.open('/proc/thread-self/fail-nth'))
  }

  /** @param run makes exactly one call to the kernel, of those that can be told to fail; an error of its own is thrown on */
  attempt<T>(nth: number, run: () => T): Attempt<T> {
    const calls: boolean[] = []
    const failing = this.#failing(nth, (refusedMemory) => { calls.push(refusedMemory) })
    const made = throughLibc(failing, () => resultOf(run))
    const [refusedMemory, ...others] = calls
    if (refusedMemory === undefined || others.length > 0) throw new Error(`${calls.length} calls were made where one allocation was to fail`)
    return { refusedMemory, ...made }
  }

  #failing(nth: number, done: (refusedMemory: boolean) => void): Libc {
    const c = libc()
    const number = this.#file.number
    const text = new Uint8Array(new ArrayBuffer(16))
    const [armed, disarmed] = [new TextEncoder().encode(nth.toString()), new TextEncoder().encode('0')]
    let kept: number | undefined
    const during = <T>(call: () => T): T => {
      if (c.pwrite(number, armed, armed.byteLength, 0n) !== armed.byteLength) throw new Errno(c.errno(), 'write(fail-nth)')
      const result = call()
      kept = c.errno()
      const length = c.pread(number, text, text.byteLength, 0n)
      c.pwrite(number, disarmed, disarmed.byteLength, 0n)
      done(new TextDecoder().decode(text.subarray(0, length)).trim() === '0')
      return result
    }
    return {
      ...c,
      open: (...args) => during(() => c.open(...args)),
      close: (...args) => during(() => c.close(...args)),
      ioctl: (...args) => during(() => c.ioctl(...args)),
      ioctlValue: (...args) => during(() => c.ioctlValue(...args)),
      mmap: (...args) => during(() => c.mmap(...args)),
      write: (...args) => during(() => c.write(...args)),
      errno: () => kept ?? c.errno(),
    }
  }

  [Symbol.dispose](): void {
    this.#file.close()
  }
}

const resultOf = <T>(run: () => T): { readonly result: T } | { readonly errno: Errno } => {
  try {
    return { result: run() }
  } catch (error) {
    if (error instanceof Errno) return { errno: error }
    throw error
  }
}
