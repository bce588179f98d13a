import type { Arbitrary } from 'fast-check'
import type { IovaRange } from '../iommufd/ioas.ts'
import { IOMMUFD } from '../uapi/iommufd.ts'
import type { Call } from './calls.ts'
import type * as FastCheck from './fast-check.ts'
import type { IommufdModel } from './iommufd-model.ts'
import { MEMORY_BYTES } from './memory.ts'
import { LAST_IOVA, lengthOf } from './ranges.ts'

/** What to do, said in the words of the moment: `the second area of the newest IOAS`. So a sequence stays meaningful when calls are taken out of it. */
export type Command = (model: IommufdModel) => Call

type Fc = typeof FastCheck

const PAGE = 4096n
const { IOMMU_IOAS_MAP_READABLE, IOMMU_IOAS_MAP_WRITEABLE } = IOMMUFD
/** The first is what a sequence shrinks to. */
const ACCESS = [IOMMU_IOAS_MAP_READABLE | IOMMU_IOAS_MAP_WRITEABLE, IOMMU_IOAS_MAP_READABLE | IOMMU_IOAS_MAP_WRITEABLE, IOMMU_IOAS_MAP_READABLE, 0]

/** The window of MSIs on x86, which a device with an IOMMU reserves. */
const MSI_WINDOW = 0xfee0_0000n

/** Sequences of so many commands at most. `withDevice`: also what wants a bound device. */
export const sequences = (fc: Fc, { withDevice, maxLength }: { readonly withDevice: boolean; readonly maxLength: number }): Arbitrary<Command[]> => {
  const weighted = [...onIoases(fc), ...onCompatIoas(fc), ...(withDevice ? onDevice(fc) : [])].map(([weight, arbitrary]) => ({ weight, arbitrary }))
  // Without bias: the extremes that fast-check prefers at first are no more telling here than any other number.
  const lists = fc.array(fc.oneof(...weighted), { maxLength, size: 'max' })
  return fc.noBias(fc.tuple(fc.boolean(), lists).map(([withType1, list]) => (withType1 ? [...TYPE1, ...list] : list)))
}

/** Half of the sequences begin with it: a type1 container is the only one that splits areas. */
const TYPE1: readonly Command[] = [
  (model) => ({ op: 'set-vfio-ioas', ioas: ioasOf(model, 0) }),
  () => ({ op: 'set-iommu', type: 'VFIO_TYPE1_IOMMU' }),
]

type Weighted = readonly [weight: number, commands: Arbitrary<Command>]

const onIoases = (fc: Fc): readonly Weighted[] => [
  [2, fc.constant(() => ({ op: 'ioas-alloc' }))],
  [1, fc.nat(15).map((n) => (model) => ({ op: 'destroy', id: anyOf(model, n) }))],
  [5, fc.tuple(ioas(fc), span(fc), fc.nat(7), access(fc)).map(([at, where, offset, rights]) => (model) => {
    const id = ioasOf(model, at)
    const { iova, length } = spanOf(model, id, where)
    return { op: 'map', ioas: id, iova, access: rights, ...part(offset, length) }
  })],
  [2, fc.tuple(ioas(fc), fc.nat(8), fc.nat(7), fc.nat(15), access(fc)).map(([at, pages, offset, odd, rights]) => (model) =>
    ({ op: 'map', ioas: ioasOf(model, at), iova: undefined, access: rights, ...part(offset, oddly(odd, BigInt(pages) * PAGE)) }))],
  [4, fc.tuple(ioas(fc), span(fc)).map(([at, where]) => (model) => {
    const id = ioasOf(model, at)
    return { op: 'unmap', ioas: id, ...spanOf(model, id, where) }
  })],
  [1, ioas(fc).map((at) => (model) => ({ op: 'unmap', ioas: ioasOf(model, at), iova: 0n, length: LAST_IOVA }))],
  [4, fc.tuple(ioas(fc), ioas(fc), span(fc), fc.nat(31), access(fc)).map(([at, other, where, to, rights]) => (model) => {
    const source = ioasOf(model, other)
    const { iova: from, length } = spanOf(model, source, where)
    return { op: 'copy', ioas: ioasOf(model, at), source, from, length, iova: to < 16 ? BigInt(to) * PAGE : undefined, access: rights }
  })],
  [1, fc.tuple(ioas(fc), fc.array(fc.tuple(fc.nat(15), fc.nat(8)), { maxLength: 2 })).map(([at, ranges]) => (model) =>
    ({ op: 'allow', ioas: ioasOf(model, at), ranges: ranges.map(pagesFrom).filter(({ last }) => last >= 0n) }))],
  [1, ioas(fc).map((at) => (model) => ({ op: 'ranges', ioas: ioasOf(model, at) }))],
  [1, fc.tuple(ioas(fc), fc.boolean()).map(([at, wanted]) => (model) => ({ op: 'large-pages', ioas: ioasOf(model, at), wanted }))],
]

const pagesFrom = ([page, pages]: readonly [number, number]): IovaRange => ({ start: BigInt(page) * PAGE, last: BigInt(page + 2 * pages) * PAGE - 1n })

const onCompatIoas = (fc: Fc): readonly Weighted[] => [
  [2, ioas(fc).map((at) => (model) => ({ op: 'set-vfio-ioas', ioas: ioasOf(model, at) }))],
  [2, fc.nat(3).map((n) => () => ({ op: 'set-iommu', type: n < 3 ? 'VFIO_TYPE1_IOMMU' : 'VFIO_TYPE1v2_IOMMU' }))],
  [2, fc.tuple(span(fc), fc.nat(7)).map(([where, offset]) => (model) => {
    const { iova, length } = spanOf(model, model.compat, where)
    return { op: 'map-dma', iova, ...part(offset, length) }
  })],
  [5, span(fc).map((where) => (model) => ({ op: 'unmap-dma', ...spanOf(model, model.compat, where) }))],
]

const onDevice = (fc: Fc): readonly Weighted[] => [
  [2, fc.nat(15).map((n) => (model) => ({ op: 'hwpt-alloc', pt: pageTableOf(model, n) }))],
  [3, fc.nat(15).map((n) => (model) => ({ op: 'attach', pt: pageTableOf(model, n) }))],
  [1, fc.constant(() => ({ op: 'detach' }))],
]

/** One in sixteen is none. */
const ioas = (fc: Fc): Arbitrary<number> => fc.nat(15)
const access = (fc: Fc): Arbitrary<number> => fc.nat(15).map((n) => ACCESS[n < 15 ? n % 3 : 3] ?? 0)

/** Nearly always one of an even choice of these; now and then nothing that exists. */
const oneOf = (ids: readonly number[], n: number, model: IommufdModel): number => (n < 15 ? ids[n % ids.length] : undefined) ?? model.objects.absent

const ioasOf = (model: IommufdModel, n: number): number => oneOf(model.objects.ids('ioas'), n, model)
const pageTableOf = (model: IommufdModel, n: number): number =>
  n === 14 ? model.device?.id ?? 0 : oneOf([...model.objects.ids('ioas'), ...model.objects.ids('hwpt')], n, model)
const anyOf = (model: IommufdModel, n: number): number => pageTableOf(model, n)

/** Bytes around something: an area, a few of the first pages, the window of MSIs, the last pages there are. */
interface Span {
  readonly origin: number
  /** How many pages its ends stand off those of the origin. */
  readonly from: number
  readonly to: number
  readonly odd: number
}

const span = (fc: Fc): Arbitrary<Span> =>
  fc.tuple(fc.nat(19), fc.integer({ min: -2, max: 2 }), fc.integer({ min: -2, max: 2 }), fc.nat(23))
    .map(([origin, from, to, odd]) => ({ origin, from, to, odd }))

const spanOf = (model: IommufdModel, ioasId: number | undefined, { origin, from, to, odd }: Span): { readonly iova: bigint; readonly length: bigint } => {
  const around = originOf(model, ioasId, origin)
  const length = lengthOf(around) + BigInt(to - from) * PAGE
  const iova = around.start + BigInt(from) * PAGE + (odd === 1 ? 1n : 0n)
  return { iova: BigInt.asUintN(64, iova), length: oddly(odd, length < 0n ? 0n : length) }
}

const originOf = (model: IommufdModel, ioasId: number | undefined, origin: number): IovaRange => {
  if (origin === 18) return { start: MSI_WINDOW - PAGE, last: MSI_WINDOW + PAGE - 1n }
  if (origin === 19) return { start: LAST_IOVA - 3n * PAGE + 1n, last: LAST_IOVA }
  const areas = ioasId === undefined ? [] : model.objects.table(ioasId)?.areas.all ?? []
  const area = origin < 8 ? undefined : areas[origin % Math.max(1, areas.length)]
  return area ?? { start: BigInt(origin) * PAGE, last: BigInt(origin + 3) * PAGE - 1n }
}

/** Rarely a byte less or more. */
const oddly = (odd: number, length: bigint): bigint => {
  if (odd === 2) return length + 1n
  return odd === 3 && length > 0n ? length - 1n : length
}

/** As much of the memory as fits. */
const part = (page: number, wanted: bigint): { readonly offset: bigint; readonly length: bigint } => {
  const length = wanted < MEMORY_BYTES ? wanted : MEMORY_BYTES
  const offset = BigInt(page) * PAGE
  return { offset: offset + length > MEMORY_BYTES ? MEMORY_BYTES - length : offset, length }
}
