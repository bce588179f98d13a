import {
  RAISE_ENABLED, RAISE_INTX, RAISE_KIND_SHIFT, RAISE_MSI, RAISE_MSIX, RAISE_VECTOR_MASK, REGISTER,
} from '../../../guest-agent/devices/vfio-user-dma-registers.ts'
import { type Bus, register32, type Register } from '../vfio-user/device.ts'

/** Raises interrupts when it is told to, or when a DMA has ended. */
export class InterruptUnit {
  readonly registers: readonly Register[] = [
    register32(REGISTER.RAISE, { write: (value, bus) => { this.#raise(value, bus) } }),
    register32(REGISTER.LOWER, { write: (value, { irq }) => { if ((value & 1) !== 0) irq.lower() } }),
    register32(REGISTER.IRQ_STATUS, { read: ({ irq }) => (irq.intxAsserted ? 1 : 0) | (this.#told ? 2 : 0) }),
    register32(REGISTER.RAISE_AT_END, { read: () => this.#atEnd, write: (value) => { this.#atEnd = value } }),
  ]
  #told = false
  #atEnd = 0

  dmaEnded(bus: Bus): void {
    if ((this.#atEnd & RAISE_ENABLED) !== 0) this.#raise(this.#atEnd, bus)
  }

  reset(): void {
    this.#told = false
    this.#atEnd = 0
  }

  #raise(value: number, { irq }: Bus): void {
    const vector = value & RAISE_VECTOR_MASK
    switch ((value >>> RAISE_KIND_SHIFT) & 3) {
      case RAISE_INTX:
        this.#told = irq.intx()
        break
      case RAISE_MSI:
        this.#told = irq.message('msi', vector)
        break
      case RAISE_MSIX:
        this.#told = irq.message('msix', vector)
        break
      default:
        this.#told = irq.raise(vector)
    }
  }
}
