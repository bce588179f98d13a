/** The integer types that the uapi structs are made of; a pointer is a u64. */
type Scalar = 'u8' | 'u16' | 'u32' | 's32' | 'u64'

export type Fields = Readonly<Record<string, Scalar>>

type Value<S> = S extends 'u64' ? bigint : number

/** Numbers for the small fields, bigint for u64. */
export type Values<F extends Fields> = { readonly [K in keyof F]?: Value<F[K]> }

interface Place {
  readonly offset: number
  readonly scalar: Scalar
}

export const SCALAR_BYTES: Readonly<Record<Scalar, number>> = { u8: 1, u16: 2, u32: 4, s32: 4, u64: 8 }

/** The length field that the kernel reads first; it is filled in unless the caller gives one. */
const LENGTH_FIELDS = ['size', 'argsz']

/** Where each field of a C struct lies: natural alignment, as the x86-64 and arm64 ABIs have it. Little-endian. */
export class Layout<F extends Fields> {
  readonly name: string
  readonly size: number
  readonly places: ReadonlyMap<string, Place>
  /** Other names of the header for the same fields, where it has a union: name -> field. */
  readonly aliases: Readonly<Record<string, string>>

  constructor(name: string, fields: F, aliases: Readonly<Record<string, keyof F & string>> = {}) {
    const places = new Map<string, Place>()
    let end = 0
    let alignment = 1
    for (const [field, scalar] of Object.entries(fields)) {
      const bytes = SCALAR_BYTES[scalar]
      const offset = Math.ceil(end / bytes) * bytes
      places.set(field, { offset, scalar })
      end = offset + bytes
      alignment = Math.max(alignment, bytes)
    }
    this.name = name
    this.size = Math.ceil(end / alignment) * alignment
    this.places = places
    this.aliases = aliases
  }

  /**
   * A struct with these values and zeroes elsewhere; `size` or `argsz` is the whole length unless given.
   * `tail` are the bytes of a flexible array behind it, or their number. `bytes` cuts or lengthens the buffer itself.
   */
  make(values: Values<F> = {}, options: { readonly tail?: Uint8Array | number; readonly bytes?: number } = {}): Struct<F> {
    const tail = typeof options.tail === 'number' ? new Uint8Array(options.tail) : options.tail ?? new Uint8Array()
    // Never less than the struct, so that a short `size` with full memory behind it is what the kernel sees.
    const bytes = new Uint8Array(new ArrayBuffer(Math.max(options.bytes ?? 0, this.size + tail.byteLength)))
    bytes.set(tail, this.size)
    return new Struct(this, bytes, values)
  }

  /** The struct that lies in somebody's bytes; it is not copied. */
  at(bytes: Uint8Array, offset = 0): Struct<F> {
    return new Struct(this, bytes.subarray(offset), undefined)
  }
}

export class Struct<F extends Fields> {
  readonly layout: Layout<F>
  readonly bytes: Uint8Array
  readonly #view: DataView
  readonly #given = new Set<string>()

  constructor(layout: Layout<F>, bytes: Uint8Array, values: Values<F> | undefined) {
    if (bytes.byteLength < layout.size) throw new RangeError(`struct ${layout.name} needs ${layout.size} bytes, there are ${bytes.byteLength}`)
    this.layout = layout
    this.bytes = bytes
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
    if (values === undefined) return
    const first = layout.places.keys().next().value
    if (first !== undefined && LENGTH_FIELDS.includes(first)) this.#write(first, bytes.byteLength)
    const entries: readonly (readonly [string, number | bigint | undefined])[] = Object.entries(values)
    for (const [field, value] of entries) {
      if (value === undefined) continue
      this.#write(field, value)
      this.#given.add(field)
    }
  }

  get<K extends keyof F & string>(field: K): Value<F[K]>
  get(field: string): number | bigint {
    return this.#read(field)
  }

  set<K extends keyof F & string>(field: K, value: Value<F[K]>): this
  set(field: string, value: number | bigint): this {
    this.#write(field, value)
    this.#given.add(field)
    return this
  }

  /** What follows the fixed part: a flexible array, capabilities. */
  get tail(): Uint8Array {
    return this.bytes.subarray(this.layout.size)
  }

  /** The fields that the caller filled in and those that are not zero: `ioas_id 1, iova 0x1000, length 0x0`. */
  describe(): string {
    return [...this.layout.places.keys()]
      .filter((field) => this.#given.has(field) || (!LENGTH_FIELDS.includes(field) && BigInt(this.#read(field)) !== 0n))
      .map((field) => `${field} ${show(this.#read(field))}`)
      .join(', ')
  }

  #place(field: string): Place {
    const place = this.layout.places.get(field)
    if (place === undefined) throw new RangeError(`struct ${this.layout.name} has no field ${field}`)
    return place
  }

  #read(field: string): number | bigint {
    const { offset, scalar } = this.#place(field)
    switch (scalar) {
      case 'u8': return this.#view.getUint8(offset)
      case 'u16': return this.#view.getUint16(offset, true)
      case 'u32': return this.#view.getUint32(offset, true)
      case 's32': return this.#view.getInt32(offset, true)
      case 'u64': return this.#view.getBigUint64(offset, true)
    }
  }

  #write(field: string, value: number | bigint): void {
    const { offset, scalar } = this.#place(field)
    switch (scalar) {
      case 'u8': this.#view.setUint8(offset, Number(value)); break
      case 'u16': this.#view.setUint16(offset, Number(value), true); break
      case 'u32': this.#view.setUint32(offset, Number(value), true); break
      case 's32': this.#view.setInt32(offset, Number(value), true); break
      case 'u64': this.#view.setBigUint64(offset, BigInt(value), true); break
    }
  }
}

const show = (value: number | bigint): string => (typeof value === 'bigint' ? `0x${value.toString(16)}` : value.toString())
