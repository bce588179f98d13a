/** One capability, before it has its place in config space. Names and layouts are those of linux/pci_regs.h. */
export interface Capability {
  readonly name: string
  readonly id: number
  /** Above 0x100, for PCI Express only. */
  readonly extended: boolean
  /** Of an extended one. */
  readonly version: number
  /** All of it; its id and its pointer to the next one are filled in when it gets its place. */
  readonly bytes: Uint8Array
  /** The bits that software may write; as long as `bytes`. */
  readonly writable: Uint8Array
  /** Where it must lie. Default: behind the ones before it. */
  readonly at: number | undefined
  /** What it needs beyond config space. */
  readonly interrupts: Interrupts | undefined
}

export type Interrupts =
  | { readonly kind: 'msi'; readonly vectors: number }
  | { readonly kind: 'msix'; readonly vectors: number; readonly bar: number; readonly table: number; readonly pending: number }

interface Fields {
  readonly name: string
  readonly id: number
  readonly length: number
  readonly extended?: boolean
  readonly version?: number
  readonly at?: number | undefined
  readonly interrupts?: Interrupts
  /** `[offset, width in bytes, value, writable bits]` of what is not zero. */
  readonly registers: readonly (readonly [offset: number, width: 1 | 2 | 4, value: number, writable: number])[]
}

export const capability = ({ name, id, length, extended = false, version = 1, at, interrupts, registers }: Fields): Capability => {
  const bytes = new DataView(new ArrayBuffer(length))
  const writable = new DataView(new ArrayBuffer(length))
  for (const [offset, width, value, mask] of registers) {
    put(bytes, offset, width, value)
    put(writable, offset, width, mask)
  }
  return { name, id, extended, version, at, interrupts, bytes: new Uint8Array(bytes.buffer), writable: new Uint8Array(writable.buffer) }
}

const put = (view: DataView, offset: number, width: 1 | 2 | 4, value: number): void => {
  switch (width) {
    case 1: view.setUint8(offset, value); break
    case 2: view.setUint16(offset, value, true); break
    case 4: view.setUint32(offset, value, true); break
  }
}
