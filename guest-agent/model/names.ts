import type { IovaRange } from '../iommufd/ioas.ts'
import { hex } from './ranges.ts'

/** What the lines of a case call the objects and IOVAs that the kernel chose. */
export class Names {
  readonly #objects = new Map<number, string>()
  readonly #iovas: (IovaRange & { readonly name: string })[] = []
  readonly #counts = new Map<string, number>()

  /** A new name: `ioas0`, `ioas1`. */
  next(kind: 'ioas' | 'hwpt' | 'iova'): string {
    const count = this.#counts.get(kind) ?? 0
    this.#counts.set(kind, count + 1)
    return `${kind}${count}`
  }

  setObject(id: number, name: string): void {
    this.#objects.set(id, name)
  }

  setIova(name: string, range: IovaRange): void {
    this.#iovas.push({ name, ...range })
  }

  /** An object that methods are called on. */
  ioas(id: number): string {
    const name = this.#objects.get(id)
    if (name === undefined) return `new Ioas(iommu, ${id})`
    return name.startsWith('ioas') ? name : `new Ioas(iommu, ${name})`
  }

  /** The id of any object. */
  id(id: number): string {
    const name = this.#objects.get(id) ?? id.toString()
    return name.startsWith('ioas') ? `${name}.id` : name
  }

  /** An address; seen from an IOVA that the kernel chose, if it lies in that mapping or right behind it. */
  iova(iova: bigint): string {
    const near = this.#iovas.findLast(({ start, last }) => start <= iova && iova <= last + 1n)
    if (near === undefined) return hex(iova)
    return iova === near.start ? near.name : `${near.name} + ${hex(iova - near.start)}`
  }
}
