import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import fs from 'node:fs'
import type { IoctlName } from '../uapi/ioctls.ts'
import { IOCTLS } from '../uapi/ioctls.ts'
import type { Fields, Struct } from '../uapi/struct.ts'
import { Errno } from './errno.ts'
import { Fd } from './fd.ts'
import { noting } from './ioctl-outcomes.ts'
import { noteCall } from './last-call.ts'
import { checked } from './libc.ts'
import { PAGE_SIZE } from './memory.ts'

const PROGRAM = '/disk/bin/syscalls'
const FIRST_FD = 3
const WORDS = 7

/** Numbers of x86-64 (arch/x86/entry/syscalls/syscall_64.tbl). */
const NUMBERS = { mmap: 9, ioctl: 16, nanosleep: 35, setgroups: 116, setresuid: 117, setresgid: 119, sched_setscheduler: 144, openat: 257, prlimit64: 302 } as const
const [AT_FDCWD, O_RDWR, PROT_READ_WRITE, MAP_PRIVATE_ANONYMOUS_POPULATE, RLIMIT_MEMLOCK, RLIMIT_NOFILE, NOBODY] = [-100, 2, 3, 0x8022, 8, 7, 65_534]
const O_CLOEXEC = 0o2000000
const SCHED_FIFO = 1
/** Arguments are shorter: what comes behind one is not overwritten by it. */
const BEHIND_ARGUMENT = PAGE_SIZE / 2
/** A call that blocks longer than this hangs: milliseconds. */
const ANSWER_MS = 5_000
const POLLIN = 1

/**
 * Another process of the guest, which makes the system calls that it is told to make (images/guest/syscalls.c): with memory, privileges, limits
 * and a life of its own. Every call throws Errno. Disposing kills it.
 */
export class OtherProcess implements AsyncDisposable {
  readonly #child: ChildProcess
  readonly #asks: Fd
  readonly #answers: Fd
  readonly #exited: Promise<unknown>
  #scratch: bigint | undefined
  /** Pauses that it was told to make, and whose end nobody has read. */
  #pauses = 0

  /** One of nobody's, who may lock so many bytes of memory. */
  static nobody(inherited: readonly Fd[], lockedBytes: number): OtherProcess {
    const other = new OtherProcess(inherited)
    other.#limit(RLIMIT_MEMLOCK, lockedBytes)
    other.becomeNobody()
    return other
  }

  /** @param inherited descriptors that it gets, as 3, 4 and so on */
  constructor(inherited: readonly Fd[] = []) {
    const [askEnd, asks] = pipe('what the other process is asked')
    const [answers, answerEnd] = pipe('what the other process answers')
    this.#asks = asks
    this.#answers = answers
    this.#child = spawn(PROGRAM, { stdio: [askEnd.number, answerEnd.number, 'ignore', ...inherited.map(({ number }) => number)] })
    this.#exited = once(this.#child, 'exit')
    askEnd.close()
    answerEnd.close()
  }

  get pid(): number {
    const { pid } = this.#child
    if (pid === undefined) throw new Error(`${PROGRAM} did not start`)
    return pid
  }

  /** The number there of the nth inherited descriptor. */
  fd(index = 0): number {
    return FIRST_FD + index
  }

  /** Memory of its own, all zero and present. */
  pages(length: number): bigint {
    return this.#call('mmap', 0, length, PROT_READ_WRITE, MAP_PRIVATE_ANONYMOUS_POPULATE, -1, 0)
  }

  write(address: bigint, bytes: Uint8Array): void {
    this.#memory((fd) => { fs.writeSync(fd, bytes, 0, bytes.byteLength, Number(address)) })
  }

  open(path: string): number {
    return Number(this.#call('openat', AT_FDCWD, this.#put(new TextEncoder().encode(`${path}\0`)), O_RDWR | O_CLOEXEC))
  }

  /** The struct is as the kernel left it when this returns. */
  ioctl(fd: number, name: IoctlName, argument: Struct<Fields>): bigint {
    this.sendIoctl(fd, name, argument)
    return this.receiveIoctl(name, argument)
  }

  /** With an argument that lies somewhere in its memory already. */
  ioctlAt(fd: number, name: IoctlName, address: bigint): bigint {
    this.sendIoctlAt(fd, name, address)
    return this.receiveIoctl(name)
  }

  /** Only asks; one at a time. */
  sendIoctl(fd: number, name: IoctlName, argument?: Struct<Fields>): void {
    this.#send('ioctl', fd, IOCTLS[name], argument === undefined ? 0 : this.#put(argument.bytes))
  }

  /** Only asks, with an argument that lies somewhere in its memory already. */
  sendIoctlAt(fd: number, name: IoctlName, address: bigint): void {
    this.#send('ioctl', fd, IOCTLS[name], address)
  }

  /** Only asks: what it is asked next it does so much later. */
  sendPause(ms: number): void {
    const nanoseconds = BigInt(Math.round(ms * 1e6))
    const time = new BigInt64Array([nanoseconds / 1_000_000_000n, nanoseconds % 1_000_000_000n])
    this.#pauses += 1
    this.#send('nanosleep', this.#put(new Uint8Array(time.buffer), BEHIND_ARGUMENT), 0)
  }

  /** Has what it was asked come back? */
  get answered(): boolean {
    return this.#wait(0)
  }

  receiveIoctl(name: IoctlName, argument?: Struct<Fields>): bigint {
    for (; this.#pauses > 0; this.#pauses -= 1) this.#receive('nanosleep() of another process')
    const result = noting(name, () => this.#receive(`${name}(${argument?.describe() ?? ''}) of another process`))
    if (argument !== undefined && this.#scratch !== undefined) argument.bytes.set(this.#read(this.#scratch, argument.bytes.byteLength))
    return result
  }

  /** It is nobody's for good: no groups, no user, no capabilities. */
  becomeNobody(): void {
    this.#call('setgroups', 0, 0)
    this.#call('setresgid', NOBODY, NOBODY, NOBODY)
    this.#call('setresuid', NOBODY, NOBODY, NOBODY)
  }

  /** From now on it has the processor whenever it can use it, whoever else is at work, and be it in the kernel: SCHED_FIFO. */
  precedeOthers(): void {
    this.#call('sched_setscheduler', 0, SCHED_FIFO, this.#put(new Uint8Array(new Int32Array([1]).buffer)))
  }

  /** How many descriptors it may have. */
  limitDescriptors(count: number): void {
    this.#limit(RLIMIT_NOFILE, count)
  }

  async kill(): Promise<void> {
    this.#child.kill('SIGKILL')
    await this.#exited
    this.#asks.close()
    this.#answers.close()
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.kill()
  }

  #call(name: keyof typeof NUMBERS, ...args: readonly (number | bigint)[]): bigint {
    this.#send(name, ...args)
    return this.#receive(`${name}() of another process`)
  }

  /** Only asks: what it does goes on while others are asked. */
  #send(name: keyof typeof NUMBERS, ...args: readonly (number | bigint)[]): void {
    const words = new BigInt64Array(WORDS)
    words.set([NUMBERS[name], ...args].map((word) => BigInt.asIntN(64, BigInt(word))))
    const bytes = new Uint8Array(words.buffer)
    checked('write(to another process)', (c) => c.write(this.#asks.number, bytes, bytes.byteLength))
  }

  /** The result of what was sent. Throws an Error that names the process when it is gone or hangs. */
  #receive(what: string): bigint {
    if (!this.#wait(ANSWER_MS)) throw new Error(`${what} has not come back after ${ANSWER_MS} ms`)
    const result = new BigInt64Array(1)
    const bytes = new Uint8Array(result.buffer)
    if (checked('read(from another process)', (c) => c.read(this.#answers.number, bytes, bytes.byteLength)) !== bytes.byteLength) throw new Error(`${what}: it is gone`)
    const [value = 0n] = result
    noteCall(what)
    if (value < 0n) throw new Errno(Number(-value), what)
    return value
  }

  #wait(ms: number): boolean {
    const ready = new Int32Array([this.#answers.number, POLLIN])
    return checked('poll(another process)', (c) => c.poll(new Uint8Array(ready.buffer), 1, ms)) > 0
  }

  #read(address: bigint, length: number): Uint8Array {
    const bytes = new Uint8Array(new ArrayBuffer(length))
    this.#memory((fd) => { fs.readSync(fd, bytes, 0, length, Number(address)) })
    return bytes
  }

  #limit(resource: number, most: number): void {
    this.#call('prlimit64', 0, resource, this.#put(new Uint8Array(new BigUint64Array([BigInt(most), BigInt(most)]).buffer)), 0)
  }

  /** Where an argument lies in its memory while it makes a call. */
  #put(bytes: Uint8Array, at = 0): bigint {
    this.#scratch ??= this.pages(PAGE_SIZE)
    this.write(this.#scratch + BigInt(at), bytes)
    return this.#scratch + BigInt(at)
  }

  #memory(use: (fd: number) => void): void {
    const fd = fs.openSync(`/proc/${this.pid}/mem`, 'r+')
    try {
      use(fd)
    } finally {
      fs.closeSync(fd)
    }
  }
}

const pipe = (what: string): readonly [Fd, Fd] => {
  const ends = new Int32Array(2)
  checked('pipe2()', (c) => c.pipe2(new Uint8Array(ends.buffer), O_CLOEXEC))
  const [read = -1, write = -1] = ends
  return [new Fd(read, what), new Fd(write, what)]
}
