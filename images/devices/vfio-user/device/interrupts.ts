import { VFIO } from '../../../../guest-agent/uapi/vfio.ts'
import { closeAll, isEventfd, raiseEventfd } from '../socket/descriptors.ts'
import { refusal } from '../wire/errors.ts'

const {
  VFIO_PCI_INTX_IRQ_INDEX: INTX, VFIO_PCI_MSI_IRQ_INDEX: MSI, VFIO_PCI_MSIX_IRQ_INDEX: MSIX, VFIO_PCI_NUM_IRQS: INDEXES,
  VFIO_IRQ_INFO_EVENTFD: EVENTFD_INFO, VFIO_IRQ_INFO_MASKABLE: MASKABLE, VFIO_IRQ_INFO_AUTOMASKED: AUTOMASKED, VFIO_IRQ_INFO_NORESIZE: NORESIZE,
  VFIO_IRQ_SET_DATA_NONE: NONE, VFIO_IRQ_SET_DATA_BOOL: BOOL, VFIO_IRQ_SET_DATA_EVENTFD: EVENTFD,
  VFIO_IRQ_SET_ACTION_MASK: MASK, VFIO_IRQ_SET_ACTION_UNMASK: UNMASK, VFIO_IRQ_SET_ACTION_TRIGGER: TRIGGER,
} = VFIO

export interface IrqRequest {
  readonly flags: number
  readonly index: number
  readonly start: number
  readonly count: number
  /** What follows the struct: bools. */
  readonly data: Uint8Array
  /** The caller closes them when the request is refused. */
  readonly fds: readonly number[]
}

/** How many interrupts of each kind the device has. */
export interface InterruptCounts {
  readonly intx: boolean
  readonly msi: number
  readonly msix: number
}

/**
 * The device's interrupts: which eventfd each one raises, and the level of INTx, which masks itself and is told anew when it is unmasked
 * while it is still asserted. Requests are checked as VFIO_DEVICE_SET_IRQS of linux/vfio.h has them; throws Errno.
 */
export class Interrupts {
  readonly #counts: readonly number[]
  readonly #eventfds: readonly Map<number, number>[] = [new Map(), new Map(), new Map()]
  #asserted = false
  #masked = false
  /** INTx disable of the command register. */
  #disabled = false

  constructor({ intx, msi, msix }: InterruptCounts) {
    this.#counts = [intx ? 1 : 0, msi, msix]
  }

  /** Flags and count of an index; EINVAL when PCI has no such. */
  info(index: number): { readonly flags: number; readonly count: number } {
    if (index >= INDEXES) throw refusal('EINVAL', `interrupts of index ${index}`)
    const count = this.#counts[index] ?? 0
    if (count === 0) return { flags: 0, count }
    return { flags: index === INTX ? EVENTFD_INFO | MASKABLE | AUTOMASKED : EVENTFD_INFO | NORESIZE, count }
  }

  set(request: IrqRequest): void {
    const { flags, index, start, count, data, fds } = request
    const what = `SET_IRQS(flags 0x${flags.toString(16)}, index ${index}, start ${start}, count ${count})`
    const kind = flags & (NONE | BOOL | EVENTFD)
    const action = flags & (MASK | UNMASK | TRIGGER)
    if (flags !== (kind | action) || !oneBit(kind) || !oneBit(action)) throw refusal('EINVAL', what)
    if (start + count > this.info(index).count) throw refusal('EINVAL', what)
    if (data.byteLength !== (kind === BOOL ? count : 0)) throw refusal('EINVAL', `${what} with ${data.byteLength} bytes of data`)
    if (kind !== EVENTFD && fds.length > 0) throw refusal('EINVAL', `${what} with ${fds.length} descriptors`)
    if (kind === EVENTFD) {
      this.#connect(request, action, what)
    } else if (count === 0) {
      if (kind !== NONE || action !== TRIGGER || start !== 0) throw refusal('EINVAL', what)
      this.#disconnect(index, () => true)
    } else {
      const chosen = Array.from({ length: count }, (_, at) => start + at).filter((_, at) => kind === NONE || data[at] !== 0)
      this.#act(index, action, chosen, what)
    }
  }

  /** Raises this MSI or MSI-X vector; false when the guest has not set it up. */
  message(kind: 'msi' | 'msix', vector: number): boolean {
    return this.#signal(kind === 'msi' ? MSI : MSIX, vector)
  }

  /** Which messages the guest has set up; undefined: none, so INTx it is. */
  get messages(): 'msi' | 'msix' | undefined {
    if (this.#of(MSIX).size > 0) return 'msix'
    return this.#of(MSI).size > 0 ? 'msi' : undefined
  }

  get asserted(): boolean {
    return this.#asserted
  }

  /** Raises the level of the INTx pin; true when the client was told now. */
  assert(): boolean {
    this.#asserted = this.#counts[INTX] !== 0
    return this.#tell()
  }

  /** Takes the level away. */
  lower(): void {
    this.#asserted = false
  }

  /** INTx disable of the command register. */
  set disabled(disabled: boolean) {
    this.#disabled = disabled
    this.#tell()
  }

  /** A reset of the device takes the level away; who listens stays. */
  reset(): void {
    this.#asserted = false
    this.#disabled = false
  }

  /** The client is gone, and its eventfds with it. */
  release(): void {
    for (const index of [INTX, MSI, MSIX]) this.#disconnect(index, () => true)
  }

  #connect({ index, start, count, fds }: IrqRequest, action: number, what: string): void {
    // An eventfd that the client raises to unmask (resample) would need a thread that waits for it; QEMU does without when it is refused.
    if (action !== TRIGGER) throw refusal('EOPNOTSUPP', what)
    if (fds.length !== 0 && fds.length !== count) throw refusal('EINVAL', `${what} with ${fds.length} descriptors`)
    if (!fds.every(isEventfd)) throw refusal('EINVAL', `${what} with a descriptor that is no eventfd`)
    this.#disconnect(index, (vector) => vector >= start && vector < start + count)
    for (const [at, fd] of fds.entries()) this.#of(index).set(start + at, fd)
    if (index === INTX) {
      this.#masked = false
      this.#tell()
    }
  }

  #act(index: number, action: number, vectors: readonly number[], what: string): void {
    if (action === TRIGGER) {
      for (const vector of vectors) this.#signal(index, vector)
      return
    }
    if (index !== INTX) throw refusal('EINVAL', what)
    if (vectors.length === 0) return
    this.#masked = action === MASK
    this.#tell()
  }

  #tell(): boolean {
    if (!this.#asserted || this.#masked || this.#disabled) return false
    this.#masked = this.#signal(INTX, 0)
    return this.#masked
  }

  #signal(index: number, vector: number): boolean {
    const fd = this.#of(index).get(vector)
    if (fd === undefined) return false
    raiseEventfd(fd)
    return true
  }

  #disconnect(index: number, which: (vector: number) => boolean): void {
    const eventfds = this.#of(index)
    for (const [vector, fd] of [...eventfds]) {
      if (!which(vector)) continue
      eventfds.delete(vector)
      closeAll([fd])
    }
  }

  #of(index: number): Map<number, number> {
    const eventfds = this.#eventfds[index]
    if (eventfds === undefined) throw refusal('EINVAL', `interrupts of index ${index}`)
    return eventfds
  }
}

const oneBit = (bits: number): boolean => bits !== 0 && (bits & (bits - 1)) === 0
