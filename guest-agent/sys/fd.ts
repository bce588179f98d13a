import { checked, libc } from './libc.ts'

const O_RDWR = 2
const O_CLOEXEC = 0o2000000

const live = new Set<Fd>()

/** A file descriptor that somebody owns. `what` says what it is, for messages and for the list of leftovers. */
export class Fd implements Disposable {
  readonly what: string
  readonly #number: number
  #open = true

  constructor(number: number, what: string) {
    this.#number = number
    this.what = what
    live.add(this)
  }

  /** Throws when it was closed: the kernel may have given the number to another file by now. */
  get number(): number {
    if (!this.#open) throw new Error(`${this.what} is used after it was closed`)
    return this.#number
  }

  /** Opens read-write; throws Errno. */
  static open(path: string, flags = O_RDWR): Fd {
    return new Fd(checked(`open(${path})`, (c) => c.open(path, flags | O_CLOEXEC, 0)), path)
  }

  close(): void {
    if (!this.#open) return
    this.#open = false
    live.delete(this)
    libc().close(this.#number)
  }

  [Symbol.dispose](): void {
    this.close()
  }
}

/** The descriptors opened through Fd that nobody has closed yet. */
export const openFds = (): readonly Fd[] => [...live]
