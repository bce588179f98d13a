import { setImmediate } from 'node:timers/promises'
import type { CaseContext } from '../case/case-context.ts'
import { equal, equalBytes } from '../case/expect.ts'
import { PAGE_SIZE, type Memory } from '../sys/memory.ts'
import { COPY_IOVA, type DmaDoor, IOVA, type MappingCalls } from './dma-door.ts'
import { growth } from './growth.ts'
import { median } from './median.ts'
import { largestMemory, type PageKind, sizeName } from './pages.ts'

/** The sizes take turns, so that an odd moment of the host falls on few samples of each. */
const ROUNDS = 5
/** For one size in one round; at least one sample, however long it takes. */
const SLICE_MS = 250
const SIGNIFICANT_DIGITS = 4

type Operation = 'map' | 'unmap' | 'copy'

interface Sized {
  readonly bytes: number
  readonly calls: MappingCalls
  readonly samples: Readonly<Record<Operation, number[]>>
}

/** How long mapping, copying and unmapping takes, by size, as measures of the case; and that each of it really happens. */
export const timeMappings = async (lab: CaseContext, door: DmaDoor, kind: PageKind): Promise<void> => {
  const memory = largestMemory(lab, kind)
  const sizes = kind.sizes.filter((bytes) => bytes <= memory.length).map((bytes): Sized =>
    ({ bytes, calls: door.calls({ address: memory.address, length: bytes }), samples: { map: [], unmap: [], copy: [] } }))
  for (const size of sizes) await happens(door, memory, size)
  const calls: number[] = []
  for (let round = 0; round < ROUNDS; round += 1) {
    await forSlice(lab, () => { calls.push(door.call()) })
    for (const { calls: { map, unmap, copy }, samples } of sizes) {
      await forSlice(lab, () => {
        samples.map.push(map())
        if (copy !== undefined) {
          samples.copy.push(copy.map())
          copy.unmap()
        }
        samples.unmap.push(unmap())
      })
    }
  }
  lab.measure('callNs', rounded(median(calls)))
  for (const operation of ['map', 'unmap', 'copy'] as const) report(lab, operation, sizes, kind)
}

/** Mapped, the memory is pinned to its last page and within a device's reach, by way of the copy too; unmapped, it is not. */
const happens = async ({ pinnedKb, pins, dmaWrite }: DmaDoor, memory: Memory, { bytes, calls }: Sized): Promise<void> => {
  const before = pinnedKb()
  const pinned = pins ? bytes / 1024 : 0
  const last = memory.bytes.subarray(bytes - PAGE_SIZE, bytes)
  const reaches = async (iova: bigint, what: string) => {
    if (dmaWrite === undefined) return
    last.fill(0)
    const expected = await dmaWrite(iova + BigInt(bytes - PAGE_SIZE))
    equalBytes(last.slice(0, expected.length), expected, `what a device wrote to the last page of ${what} of ${sizeName(bytes)}`)
  }
  calls.map()
  equal(pinnedKb() - before, pinned, `kB pinned by a mapping of ${sizeName(bytes)}`)
  await reaches(IOVA, 'a mapping')
  if (calls.copy !== undefined) {
    calls.copy.map()
    equal(pinnedKb() - before, pinned, `kB pinned by a mapping of ${sizeName(bytes)} and its copy`)
    await reaches(COPY_IOVA, 'a copy')
    calls.copy.unmap()
  }
  calls.unmap()
  equal(pinnedKb() - before, 0, `kB pinned after ${sizeName(bytes)} were unmapped`)
}

const forSlice = async (lab: CaseContext, sample: () => void): Promise<void> => {
  const end = performance.now() + SLICE_MS
  do sample()
  while (performance.now() < end)
  // The timer of the case gets its turn.
  await setImmediate()
  lab.signal.throwIfAborted()
}

const report = (lab: CaseContext, operation: Operation, sizes: readonly Sized[], { suffix, bytes: pageBytes }: PageKind): void => {
  const times = sizes.flatMap(({ bytes, samples }) => (samples[operation].length === 0 ? [] : [{ bytes, pages: bytes / pageBytes, ns: median(samples[operation]) }]))
  if (times.length === 0) return
  for (const { bytes, ns } of times) lab.measure(`${operation}${sizeName(bytes)}${suffix}Us`, rounded(ns / 1000))
  const { fewestNsPerPage, mostNsPerPage, ratio } = growth(times)
  lab.measure(`${operation}Fewest${suffix}NsPerPage`, rounded(fewestNsPerPage))
  lab.measure(`${operation}Most${suffix}NsPerPage`, rounded(mostNsPerPage))
  lab.measure(`${operation}Growth${suffix}Ratio`, rounded(ratio))
}

const rounded = (value: number): number => Number(value.toPrecision(SIGNIFICANT_DIGITS))
