import { msixIsOn } from '../msix.ts'
import type { Interrupter } from '../test-device.ts'
import { until } from '../until.ts'
import { legacyDescriptors } from './descriptors.ts'
import { IntelNic } from './nic.ts'
import { CTRL, CTRL_SLU, ICR, ICS, IMS, STATUS, STATUS_LU } from './registers.ts'

/** Vectors of the causes (82574 datasheet, 10.2.4.9). */
const IVAR = 0x00e4

/** Receive queues 0 and 1, transmit queues 0 and 1, everything else: one cause each. */
const FIRST_VECTOR_CAUSE = 20
const VECTORS = 5
/** Four bits a cause: its vector, and that it is valid. */
const IVAR_VALID = 8
const CAUSE = 1

/** Intel's 82574 as QEMU's e1000e (hw/net/e1000e_core.c). */
export class E1000e extends IntelNic implements Interrupter {
  readonly vectors = VECTORS
  /** Its least throttling is 128 us, and a cause that is still there by then is told once more. */
  readonly repeats = true
  protected readonly format = legacyDescriptors

  raiseInterrupt = (vector = 0): void => {
    const cause = msixIsOn(this.open.device) ? 1 << (FIRST_VECTOR_CAUSE + vector) : CAUSE
    this.write(IVAR, Array.from({ length: VECTORS }, (_, each) => (each | IVAR_VALID) << (4 * each)).reduce((all, each) => all | each))
    this.write(IMS, cause)
    this.write(ICS, cause)
  }

  acknowledgeInterrupt = (): void => {
    this.write(ICR, 0xffff_ffff)
  }

  protected override async bringLinkUp(): Promise<void> {
    this.write(CTRL, this.read(CTRL) | CTRL_SLU)
    await until(this.lab, 'e1000e: the link comes up', () => ((this.read(STATUS) & STATUS_LU) === 0 ? undefined : true))
  }
}
