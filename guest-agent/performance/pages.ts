import type { CaseContext } from '../case/case-context.ts'
import { availableBytes } from '../sys/available-memory.ts'
import { NoHugePages } from '../sys/huge-pages.ts'
import { HUGE_PAGE_SIZE, Memory, PAGE_SIZE } from '../sys/memory.ts'

const KIB = 1024
const MIB = 1024 * KIB
const GIB = 1024 * MIB

/** What is mapped: memory of small pages, or of huge ones. */
export interface PageKind {
  /** Behind the size in the name of a measure. */
  readonly suffix: '' | 'Huge'
  readonly bytes: number
  /** Of what is mapped, growing. */
  readonly sizes: readonly number[]
  readonly allocate: (length: number) => Memory
}

export const SMALL_PAGES: PageKind = {
  suffix: '', bytes: PAGE_SIZE, sizes: [4 * KIB, 64 * KIB, 2 * MIB, 32 * MIB, 256 * MIB, GIB], allocate: (length) => Memory.pages(length),
}

export const HUGE_PAGES: PageKind = {
  suffix: 'Huge', bytes: HUGE_PAGE_SIZE, sizes: [2 * MIB, 32 * MIB, 256 * MIB, GIB], allocate: (length) => Memory.hugePages(length / HUGE_PAGE_SIZE),
}

/** `4KiB`, `2MiB`, `1GiB` */
export const sizeName = (bytes: number): string => {
  if (bytes >= GIB) return `${bytes / GIB}GiB`
  return bytes >= MIB ? `${bytes / MIB}MiB` : `${bytes / KIB}KiB`
}

/** The rest is for the agent and the kernel's page tables. */
const MOST_OF_MEMORY = 0.75

/** Memory of the largest of the sizes that this guest has room for; those that it has no room for are noted. */
export const largestMemory = (lab: CaseContext, kind: PageKind): Memory => {
  const available = availableBytes()
  const smallest = kind.sizes[0] ?? kind.bytes
  for (const size of kind.sizes.toReversed()) {
    if (size > smallest && size > available * MOST_OF_MEMORY) {
      lab.note(`${sizeName(size)} is left out: ${Math.floor(available / MIB)} MiB of this guest's memory are free`)
      continue
    }
    try {
      return lab.use(kind.allocate(size))
    } catch (error) {
      if (!(error instanceof NoHugePages) || size === smallest) throw error
      lab.note(`${sizeName(size)} is left out: ${error.message}`)
    }
  }
  throw new RangeError('no size is asked for')
}
