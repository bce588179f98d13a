import { beforeAll, expect, test } from 'vitest'
import { CaseContext } from '../../../../guest-agent/case/case-context.ts'
import { type DmaDoor, IOVA } from '../../../../guest-agent/performance/dma-door.ts'
import { largestMemory, type PageKind, sizeName, SMALL_PAGES } from '../../../../guest-agent/performance/pages.ts'
import { timeMappings } from '../../../../guest-agent/performance/time-mappings.ts'
import { NoHugePages } from '../../../../guest-agent/sys/huge-pages.ts'
import { libc, loadLibc } from '../../../../guest-agent/sys/libc.ts'
import { PAGE_SIZE } from '../../../../guest-agent/sys/memory.ts'

beforeAll(loadLibc)

const labOf = (note: (text: string) => void = () => undefined) => new CaseContext({
  facts: { config: {}, uapi: [], iommu: [], devices: [], topology: [] }, devices: [], signal: new AbortController().signal, note, ask: () => undefined,
})

const kind: PageKind = { ...SMALL_PAGES, sizes: [PAGE_SIZE, 16 * PAGE_SIZE] }

/** A door of a kernel that does something wrong. */
const wrongDoor = (wrong: 'pins nothing' | 'keeps a page' | 'copies something else'): DmaDoor => {
  let [pinned, memory] = [0, new Uint8Array()]
  return {
    call: () => 500,
    pins: true,
    pinnedKb: () => pinned,
    dmaWrite: (iova) => {
      const isCopy = iova > 2n * IOVA - 1n
      const written = Uint8Array.of(1, 2, 3)
      if (!isCopy || wrong !== 'copies something else') memory.set(written, memory.length - PAGE_SIZE)
      return Promise.resolve(written)
    },
    calls: ({ address, length }) => ({
      map: () => {
        memory = new Uint8Array(libc().view(address, Number(length)))
        if (wrong !== 'pins nothing') pinned += Number(length) / 1024
        return 1000
      },
      unmap: () => {
        if (wrong !== 'pins nothing') pinned -= Number(length) / 1024 - (wrong === 'keeps a page' ? 4 : 0)
        return 1000
      },
      copy: { map: () => 1000, unmap: () => 1000 },
    }),
  }
}

test.each([
  ['pins nothing', 'kB pinned by a mapping of 4KiB: 4 expected, got 0'],
  ['keeps a page', 'kB pinned after 4KiB were unmapped: 0 expected, got 4'],
  ['copies something else', 'what a device wrote to the last page of a copy of 4KiB: differs from byte 0 on: 01 02 03 expected, got 00 00 00'],
] as const)('a kernel that %s fails before anything is timed', async (wrong, message) => {
  const lab = labOf()
  await expect(timeMappings(lab, wrongDoor(wrong), kind)).rejects.toThrow(message)
  expect(lab.measures.size).toBe(0)
  await lab.end()
})

test('sizes that there is no room for are left out, and that is said', async () => {
  const notes: string[] = []
  const lab = labOf((text) => { notes.push(text) })
  const scarce: PageKind = {
    ...kind, sizes: [...kind.sizes, 32 * PAGE_SIZE, 2 ** 50],
    allocate: (length) => {
      if (length > 16 * PAGE_SIZE) throw new NoHugePages('the kernel could make 1')
      return kind.allocate(length)
    },
  }
  expect(largestMemory(lab, scarce).length).toBe(16 * PAGE_SIZE)
  expect(notes).toEqual([expect.stringMatching(/^1048576GiB is left out: \d+ MiB of this guest's memory are free$/), '128KiB is left out: the kernel could make 1'])
  await lab.end()
})

test('a size is named as people say it', () => {
  expect([4096, 65_536, 2 ** 21, 2 ** 28, 2 ** 30].map(sizeName)).toEqual(['4KiB', '64KiB', '2MiB', '256MiB', '1GiB'])
})
