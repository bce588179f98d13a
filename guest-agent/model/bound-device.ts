import type { IovaRange } from '../iommufd/ioas.ts'
import { DONE, refused, type Expectation } from './expectation.ts'
import type { IoPagetable } from './io-pagetable.ts'
import type { Objects } from './objects.ts'

/** What a device's page tables bring into an IOAS. */
export interface DeviceFacts {
  /** Its id in the context. */
  readonly id: number
  /** Of what is mapped for it, in bytes. */
  readonly alignment: bigint
  /** What its IOMMU cannot translate. */
  readonly unreachable: readonly IovaRange[]
  /** What is kept for the device while it is attached, the window of its MSIs for one. */
  readonly reserved: readonly IovaRange[]
}

/** A device that is bound to the context: its page tables, and which one it is attached to. */
export class BoundDevice {
  readonly #objects: Objects
  readonly #facts: DeviceFacts
  #attached: number | undefined

  constructor(objects: Objects, facts: DeviceFacts) {
    this.#objects = objects
    this.#facts = facts
    objects.add(facts.id, { kind: 'device' })
  }

  get id(): number {
    return this.#facts.id
  }

  /** The page table that it is attached to. */
  get attached(): number | undefined {
    return this.#attached
  }

  hwptAlloc(pt: number): Expectation {
    const parent = this.#objects.get(pt)
    // Of an HWPT only a nested one can be made, and that wants data.
    if (parent?.kind === 'hwpt') return refused('EOPNOTSUPP')
    return parent?.kind === 'ioas' ? this.#allocate(pt, parent.table, false) : refused('EINVAL')
  }

  attach(pt: number): Expectation {
    const target = this.#objects.get(pt)
    switch (target?.kind) {
      case undefined: return refused('ENOENT')
      case 'device': return refused('EINVAL')
      case 'hwpt': return this.#attachTo(pt, target.ioas)
      case 'ioas': return this.#attachToIoas(pt, target.table)
    }
  }

  detach(): Expectation {
    this.#release()
    const old = this.#attached
    this.#attached = undefined
    this.#removeAutomatic(old)
    return DONE
  }

  #attachToIoas(ioas: number, table: IoPagetable): Expectation {
    const known = this.#automaticOf(ioas)
    if (known !== undefined) return this.#attachTo(known, ioas)
    const isNew = this.#attachedIoas !== ioas
    const wrong = isNew ? table.reserve(this.id, this.#facts.reserved) : undefined
    if (wrong !== undefined) return refused(wrong)
    const expected = this.#allocate(ioas, table, true)
    if (!('chooses' in expected)) {
      if (isNew) table.release(this.id)
      return expected
    }
    return { ...expected, record: (id) => {
      expected.record(id)
      this.#replace(Number(id), ioas)
    } }
  }

  /** A page table of an IOAS, which is filled with what is mapped there. */
  #allocate(ioas: number, table: IoPagetable, automatic: boolean): Expectation {
    const { alignment, unreachable } = this.#facts
    // 0 is no id: under it the kernel's refusals are tried out.
    const wrong = table.addDomain(0, alignment, unreachable)
    if (wrong !== undefined) return refused(wrong)
    table.removeDomain(0)
    return this.#objects.allocate((id) => {
      table.addDomain(id, alignment, unreachable)
      return { kind: 'hwpt', ioas, automatic }
    })
  }

  #attachTo(hwpt: number, ioas: number): Expectation {
    const done = { returns: BigInt(hwpt) }
    if (hwpt === this.#attached) return done
    const wrong = this.#attachedIoas === ioas ? undefined : this.#objects.table(ioas)?.reserve(this.id, this.#facts.reserved)
    if (wrong !== undefined) return refused(wrong)
    this.#replace(hwpt, ioas)
    return done
  }

  #replace(hwpt: number, ioas: number): void {
    if (this.#attachedIoas !== ioas) this.#release()
    const old = this.#attached
    this.#attached = hwpt
    this.#removeAutomatic(old)
  }

  #release(): void {
    if (this.#attachedIoas !== undefined) this.#objects.table(this.#attachedIoas)?.release(this.id)
  }

  #removeAutomatic(hwpt: number | undefined): void {
    const object = hwpt === undefined ? undefined : this.#objects.get(hwpt)
    if (hwpt !== undefined && object?.kind === 'hwpt' && object.automatic) this.#objects.remove(hwpt)
  }

  #automaticOf(ioas: number): number | undefined {
    return this.#objects.ids('hwpt').find((id) => {
      const object = this.#objects.get(id)
      return object?.kind === 'hwpt' && object.ioas === ioas && object.automatic
    })
  }

  get #attachedIoas(): number | undefined {
    const object = this.#attached === undefined ? undefined : this.#objects.get(this.#attached)
    return object?.kind === 'hwpt' ? object.ioas : undefined
  }
}
