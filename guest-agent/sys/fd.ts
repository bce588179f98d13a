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

/** The kernel gives out the lowest free number, so what is left open is found among the first ones. */
const DESCRIPTORS = 256
const POLLNVAL = 0x20
/** struct pollfd (include/uapi/asm-generic/poll.h): int fd, short events, short revents. */
const WORDS_EACH = 2
const WORDS = Int32Array.from({ length: DESCRIPTORS * WORDS_EACH }, (_, index) => (index % WORDS_EACH === 0 ? index / WORDS_EACH : 0))

/** The numbers that are open in this process, of the first 256. One call asks for all: listing /proc/self/fd finds the descriptor of the listing too. */
export const openDescriptors = (): ReadonlySet<number> => {
  const asked = WORDS.slice()
  checked('poll', (c) => c.poll(new Uint8Array(asked.buffer), DESCRIPTORS, 0))
  const open = new Set<number>()
  for (let fd = 0; fd < DESCRIPTORS; fd += 1) {
    if (((asked[fd * WORDS_EACH + 1] ?? 0) >>> 16 & POLLNVAL) === 0) open.add(fd)
  }
  return open
}
