import { refused, type Expectation } from './expectation.ts'
import type { IoPagetable } from './io-pagetable.ts'

interface ModelIoas {
  readonly kind: 'ioas'
  readonly table: IoPagetable
}

interface ModelHwpt {
  readonly kind: 'hwpt'
  readonly ioas: number
  /** The kernel made it for an attach, and takes it away when nobody is attached to it any more. */
  readonly automatic: boolean
}

export type ModelObject = ModelIoas | ModelHwpt | { readonly kind: 'device' }

const MAX_ID = 0x7fff_ffffn

/** The objects of an iommufd context by id. */
export class Objects {
  readonly #objects = new Map<number, ModelObject>()
  #lastRemoved = 0

  get(id: number): ModelObject | undefined {
    return this.#objects.get(id)
  }

  table(id: number): IoPagetable | undefined {
    const object = this.#objects.get(id)
    return object?.kind === 'ioas' ? object.table : undefined
  }

  /** Oldest first. */
  ids(kind: ModelObject['kind']): readonly number[] {
    return [...this.#objects].filter(([, object]) => object.kind === kind).map(([id]) => id)
  }

  /** An id that nobody has: the last one that was taken away, or 0. */
  get absent(): number {
    return this.#objects.has(this.#lastRemoved) ? 0 : this.#lastRemoved
  }

  add(id: number, object: ModelObject): void {
    this.#objects.set(id, object)
  }

  /** The kernel chooses the id. */
  allocate(make: (id: number) => ModelObject): Expectation {
    return {
      chooses: 'a new id',
      accepts: (id) => id > 0n && id <= MAX_ID && !this.#objects.has(Number(id)),
      record: (id) => { this.add(Number(id), make(Number(id))) },
    }
  }

  /** The errno of why it cannot be taken away, if `attached` is the page table that a device is attached to. */
  notRemovable(id: number, attached: number | undefined): Expectation | undefined {
    const object = this.#objects.get(id)
    if (object === undefined) return refused('ENOENT')
    const isUsed = object.kind === 'device' || id === attached || [...this.#objects.values()].some((other) => other.kind === 'hwpt' && other.ioas === id)
    return isUsed ? refused('EBUSY') : undefined
  }

  remove(id: number): void {
    const object = this.#objects.get(id)
    if (object?.kind === 'hwpt') this.table(object.ioas)?.removeDomain(id)
    this.#objects.delete(id)
    this.#lastRemoved = id
  }
}
