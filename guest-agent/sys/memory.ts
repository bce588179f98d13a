import type { Fd } from './fd.ts'
import { checked, libc } from './libc.ts'
import { Errno } from './errno.ts'
import { reserveHugePages } from './huge-pages.ts'
import { memfd } from './memfd.ts'

export const PAGE_SIZE = 4096
export const HUGE_PAGE_SIZE = 2 * 1024 * 1024

const PROT_NONE = 0
const PROT_READ = 1
const PROT_WRITE = 2
const MAP_SHARED = 1
const MAP_PRIVATE = 2
const MAP_ANONYMOUS = 0x20
const MAP_POPULATE = 0x8000
const MAP_HUGETLB = 0x40000
const MAP_FAILED = 0xffff_ffff_ffff_ffffn

const live = new Set<Mapping>()

/** The mappings that nobody has unmapped yet. */
export const openMappings = (): readonly Mapping[] => [...live]

/**
 * A piece of this process's address space that somebody owns. Before it is unmapped its ArrayBuffer is detached, so that a
 * late access throws and does not kill the process.
 */
export class Mapping implements Disposable {
  readonly address: bigint
  readonly length: number
  readonly what: string
  readonly #undo: (() => void) | undefined
  #buffer: ArrayBuffer | undefined

  constructor(address: bigint, length: number, what: string, undo?: () => void) {
    this.address = address
    this.length = length
    this.what = what
    this.#undo = undo
    live.add(this)
  }

  get buffer(): ArrayBuffer {
    this.#buffer ??= libc().view(this.address, this.length)
    return this.#buffer
  }

  unmap(): void {
    if (!live.delete(this)) return
    this.#buffer?.transfer(0)
    checked(`munmap(${this.what})`, (c) => c.munmap(this.address, this.length))
    this.#undo?.()
  }

  [Symbol.dispose](): void {
    this.unmap()
  }
}

/** Ordinary memory of this process: what a device shall read or write. All zero and present when it is made. */
export class Memory extends Mapping {
  get bytes(): Uint8Array {
    return new Uint8Array(this.buffer)
  }

  get words(): Uint32Array {
    return new Uint32Array(this.buffer)
  }

  /** Anonymous pages, private unless `shared`. `length` is in bytes, a multiple of the page. */
  static pages(length: number, options: { readonly shared?: boolean } = {}): Memory {
    const sharing = options.shared === true ? MAP_SHARED : MAP_PRIVATE
    return new Memory(mmap(length, PROT_READ | PROT_WRITE, sharing | MAP_ANONYMOUS | MAP_POPULATE), length, `${length} bytes of memory`)
  }

  /** Huge pages of 2 MiB; they are reserved for it when the kernel has none free, and given back with it. */
  static hugePages(count: number): Memory {
    const length = count * HUGE_PAGE_SIZE
    const restore = reserveHugePages(count)
    try {
      const address = mmap(length, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_HUGETLB | MAP_POPULATE)
      return new Memory(address, length, `${count} huge pages`, restore)
    } catch (error) {
      restore()
      throw error
    }
  }

  /** Address space without access: reading or pinning it faults. */
  static inaccessible(length: number): Memory {
    return new Memory(mmap(length, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS), length, `${length} bytes of inaccessible memory`)
  }

  /** A page with nothing behind it: what reaches beyond its end faults. */
  static lastPage(): Memory {
    // There is no page behind the end of a file.
    using file = memfd(PAGE_SIZE)
    return new Memory(mmap(2 * PAGE_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, file), 2 * PAGE_SIZE, 'a page with nothing behind it')
  }

  /** Memory that may only be read: pinning it for writing must fail. */
  static readOnly(length: number): Memory {
    return new Memory(mmap(length, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS), length, `${length} bytes of read-only memory`)
  }

  /** A shared mapping of a file, e.g. of a memfd; what lies behind the file's end is there and faults. */
  static ofFile(fd: Fd, length: number, options: { readonly readOnly?: boolean } = {}): Memory {
    const protection = options.readOnly === true ? PROT_READ : PROT_READ | PROT_WRITE
    return new Memory(mmap(length, protection, MAP_SHARED, fd), length, `${length} bytes of ${fd.what}`)
  }
}

/**
 * Registers of a device, mapped from its region. Every access is one load or store of exactly its width, in program order.
 * Offsets are in bytes and must be a multiple of the width.
 */
export class Registers extends Mapping {
  static ofRegion(fd: Fd, offset: bigint, length: number, what: string): Registers {
    return new Registers(mmap(length, PROT_READ | PROT_WRITE, MAP_SHARED, fd, offset), length, what)
  }

  read8(offset: number): number {
    return Atomics.load(new Uint8Array(this.buffer), offset)
  }

  read32(offset: number): number {
    return Atomics.load(new Uint32Array(this.buffer), offset / 4)
  }

  write8(offset: number, value: number): void {
    Atomics.store(new Uint8Array(this.buffer), offset, value)
  }

  write32(offset: number, value: number): void {
    Atomics.store(new Uint32Array(this.buffer), offset / 4, value)
  }
}

const mmap = (length: number, protection: number, flags: number, fd?: Fd, offset = 0n): bigint => {
  const c = libc()
  const address = BigInt(c.mmap(0n, length, protection, flags, fd?.number ?? -1, offset))
  if (address === MAP_FAILED) {
    throw new Errno(c.errno(), `mmap(${fd?.what ?? 'anonymous'}, length 0x${length.toString(16)}, offset 0x${offset.toString(16)})`)
  }
  return address
}

/** The address of a buffer that an ioctl points to. Keep the buffer alive until the ioctl has returned. */
export const addressOf = (bytes: Uint8Array): bigint => libc().address(bytes)
