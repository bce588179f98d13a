import type * as Koffi from 'koffi'
import { Errno } from './errno.ts'
import { noteCall } from './last-call.ts'

/**
 * The C library of the guest, bound once. koffi is loaded by loadLibc() and not by an import, because listing the cases
 * must work where there is no koffi.
 * ioctl is bound with a fixed arity: on x86-64, arm64 and riscv64 Linux a variadic integer or pointer travels in the same register.
 */
export interface Libc {
  readonly open: (path: string, flags: number, mode: number) => number
  readonly close: (fd: number) => number
  readonly ioctl: (fd: number, request: number, argument: Uint8Array | null) => number
  readonly ioctlValue: (fd: number, request: number, argument: number | bigint) => number
  readonly read: (fd: number, buffer: Uint8Array, count: number) => number
  readonly write: (fd: number, buffer: Uint8Array, count: number) => number
  readonly pread: (fd: number, buffer: Uint8Array, count: number, offset: bigint) => number
  readonly pwrite: (fd: number, buffer: Uint8Array, count: number, offset: bigint) => number
  readonly mmap: (address: bigint, length: number, protection: number, flags: number, fd: number, offset: bigint) => number | bigint
  readonly munmap: (address: bigint, length: number) => number
  readonly madvise: (address: bigint, length: number, advice: number) => number
  readonly mlock: (address: bigint, length: number) => number
  readonly eventfd: (initial: number, flags: number) => number
  readonly memfdCreate: (name: string, flags: number) => number
  readonly ftruncate: (fd: number, length: bigint) => number
  readonly fcntl: (fd: number, command: number, argument: number) => number
  readonly poll: (fds: Uint8Array, count: number, timeoutMs: number) => number
  readonly mount: (source: string, target: string, type: string, flags: bigint, data: string) => number
  readonly umount2: (target: string, flags: number) => number
  readonly pipe2: (ends: Uint8Array, flags: number) => number
  readonly capget: (header: Uint8Array, data: Uint8Array) => number
  readonly capset: (header: Uint8Array, data: Uint8Array) => number
  readonly getrlimit: (resource: number, limit: Uint8Array) => number
  readonly setrlimit: (resource: number, limit: Uint8Array) => number
  readonly initModule: (image: Uint8Array, length: number, parameters: string) => number
  readonly deleteModule: (name: string, flags: number) => number
  readonly errno: () => number
  /** Address of a buffer's memory; the buffer must be kept alive while the kernel uses it. */
  readonly address: (buffer: Uint8Array) => bigint
  /** Memory as a buffer that nobody frees. */
  readonly view: (address: bigint, length: number) => ArrayBuffer
}

let bound: Libc | undefined

export const loadLibc = async (): Promise<void> => {
  bound ??= bind(await import('koffi'))
}

const bind = (koffi: typeof Koffi): Libc => {
  const lib = koffi.load(null)
  return {
    open: lib.func('int open(const char *, int, int)'),
    close: lib.func('int close(int)'),
    ioctl: lib.func('int ioctl(int, unsigned long, void *)'),
    ioctlValue: lib.func('ioctl', 'int', ['int', 'unsigned long', 'intptr_t']),
    read: lib.func('intptr_t read(int, void *, size_t)'),
    write: lib.func('intptr_t write(int, const void *, size_t)'),
    pread: lib.func('intptr_t pread(int, void *, size_t, int64_t)'),
    pwrite: lib.func('intptr_t pwrite(int, const void *, size_t, int64_t)'),
    mmap: lib.func('uintptr_t mmap(uintptr_t, size_t, int, int, int, int64_t)'),
    munmap: lib.func('int munmap(uintptr_t, size_t)'),
    madvise: lib.func('int madvise(uintptr_t, size_t, int)'),
    mlock: lib.func('int mlock(uintptr_t, size_t)'),
    eventfd: lib.func('int eventfd(unsigned int, int)'),
    memfdCreate: lib.func('int memfd_create(const char *, unsigned int)'),
    ftruncate: lib.func('int ftruncate(int, int64_t)'),
    fcntl: lib.func('int fcntl(int, int, int)'),
    poll: lib.func('int poll(void *, unsigned long, int)'),
    mount: lib.func('int mount(const char *, const char *, const char *, unsigned long, const char *)'),
    umount2: lib.func('int umount2(const char *, int)'),
    pipe2: lib.func('int pipe2(void *, int)'),
    capget: lib.func('int capget(void *, void *)'),
    capset: lib.func('int capset(void *, void *)'),
    getrlimit: lib.func('int getrlimit(int, void *)'),
    setrlimit: lib.func('int setrlimit(int, void *)'),
    initModule: lib.func('int init_module(const void *, unsigned long, const char *)'),
    deleteModule: lib.func('int delete_module(const char *, unsigned int)'),
    errno: () => koffi.errno(),
    address: (buffer) => koffi.address(buffer),
    view: (address, length) => koffi.view(address, length),
  }
}

export const libc = (): Libc => {
  if (bound === undefined) throw new Error('libc is not loaded: loadLibc() comes first')
  return bound
}

/** The function makes its calls through another one, which may make them through this. It must be synchronous. */
export const throughLibc = <T>(other: Libc, run: () => T): T => {
  const own = libc()
  bound = other
  try {
    return run()
  } finally {
    bound = own
  }
}

/**
 * The result of a libc call, or Errno when it is -1.
 * errno is read in the next expression after the call: any other native call may change it.
 */
export const checked = (call: string, invoke: (c: Libc) => number): number => {
  const c = libc()
  const result = invoke(c)
  if (result !== -1) {
    noteCall(call)
    return result
  }
  const errno = c.errno()
  noteCall(call)
  throw new Errno(errno, call)
}
