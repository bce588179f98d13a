import type { Bar } from './bar.ts'
import type { Bus } from './bus.ts'
import type { Register } from './register.ts'

/**
 * Accesses of any width and place. Each register that one touches is read or written once; the bytes of it that are out of reach keep
 * their value. Where there is neither register nor memory, reads give 0 and writes are lost.
 */
export class BarAccess {
  readonly #bar: Bar
  readonly #bus: Bus
  readonly #onError: (error: unknown) => void

  constructor(bar: Bar, bus: Bus, onError: (error: unknown) => void) {
    this.#bar = bar
    this.#bus = bus
    this.#onError = onError
  }

  read(offset: number, length: number): Uint8Array {
    const bytes = new Uint8Array(length)
    this.#guarded(() => { this.#bar.memory?.read(offset, bytes, this.#bus) })
    for (const register of this.#touched(offset, length)) {
      this.#guarded(() => { copyOverlap(valueBytes(register.read(this.#bus)).subarray(0, register.width), register.offset, bytes, offset) })
    }
    return bytes
  }

  write(offset: number, bytes: Uint8Array): void {
    const touched = this.#touched(offset, bytes.byteLength)
    if (touched.length === 0) this.#guarded(() => { this.#bar.memory?.write(offset, bytes, this.#bus) })
    for (const register of touched) {
      this.#guarded(() => {
        const value = this.#whole(register, offset, bytes)
        return register.write?.(value, this.#bus)
      })
    }
  }

  #whole({ offset, width, read }: Register, from: number, bytes: Uint8Array): bigint {
    const covered = from <= offset && from + bytes.byteLength >= offset + width
    const value = valueBytes(covered ? 0n : read(this.#bus)).subarray(0, width)
    copyOverlap(bytes, from, value, offset)
    const whole = new Uint8Array(8)
    whole.set(value)
    return new DataView(whole.buffer).getBigUint64(0, true)
  }

  #touched(offset: number, length: number): readonly Register[] {
    return (this.#bar.registers ?? []).filter((each) => each.offset < offset + length && offset < each.offset + each.width)
  }

  /** A callback of the device that throws is told, and the device goes on. */
  #guarded(call: () => void | Promise<void>): void {
    try {
      const going = call()
      if (going instanceof Promise) going.catch(this.#onError)
    } catch (error) {
      this.#onError(error)
    }
  }
}

const valueBytes = (value: bigint): Uint8Array => new Uint8Array(new BigUint64Array([value]).buffer)

const copyOverlap = (source: Uint8Array, sourceAt: number, target: Uint8Array, targetAt: number): void => {
  const start = Math.max(sourceAt, targetAt)
  const end = Math.min(sourceAt + source.byteLength, targetAt + target.byteLength)
  if (start < end) target.set(source.subarray(start - sourceAt, end - sourceAt), start - targetAt)
}
