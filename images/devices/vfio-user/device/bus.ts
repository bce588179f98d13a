import type { Dma } from './dma.ts'
import type { Interrupts } from './interrupts.ts'

/** What a device can do by itself. */
export interface Bus {
  readonly dma: Dma
  readonly irq: Irq
  /** One more line in the device's report, which the orchestrator keeps: any plain values. */
  readonly report: (line: Readonly<Record<string, unknown>>) => void
}

export interface Irq {
  /**
   * Raises interrupt n by what the guest has set up: MSI-X, else MSI, else the level of INTx.
   * False when nobody was told: that vector is not set up, or INTx is masked.
   */
  readonly raise: (vector?: number) => boolean
  /** Takes the level of INTx away; messages need no such thing. */
  readonly lower: () => void
  readonly intxAsserted: boolean
  /** One kind of them, whatever else the guest has set up. */
  readonly intx: () => boolean
  readonly message: (kind: 'msi' | 'msix', vector: number) => boolean
}

export const irqOf = (interrupts: Interrupts): Irq => ({
  raise: (vector = 0) => {
    const kind = interrupts.messages
    return kind === undefined ? interrupts.assert() : interrupts.message(kind, vector)
  },
  lower: () => { interrupts.lower() },
  get intxAsserted() { return interrupts.asserted },
  intx: () => interrupts.assert(),
  message: (kind, vector) => interrupts.message(kind, vector),
})
