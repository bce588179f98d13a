import type { OpenDevice } from '../../vfio/open-device.ts'
import { enableBusMaster } from '../bus-master.ts'
import { msixIsOn } from '../msix.ts'
import type { FunctionOwner, Interrupter, TestDevice } from '../test-device.ts'
import { until } from '../until.ts'
import { advancedDescriptors } from './descriptors.ts'
import { BAR } from './loopback.ts'
import { IntelNic } from './nic.ts'
import { ICR, ICS, IMS, RDBAL, STATUS, STATUS_LU } from './registers.ts'

/** Registers of its own (82576 datasheet, 8.2.4 and 8.8). */
const MDIC = 0x0020
const GPIE = 0x1514
const EICS = 0x1520
const EIMS = 0x1524
const EICR = 0x1580
const SRRCTL = RDBAL + 0x0c

/** Advanced descriptors with one buffer. */
const SRRCTL_ADVANCED = 1 << 25
/** Every vector has its own cause. */
const GPIE_MSIX = 1 << 4
const CAUSE = 1
const VECTORS = 10
const FUNCTION_VECTORS = 3

/** A write of the control register of the PHY, number 1, that (re)starts the negotiation of the link. */
const MDIC_WRITE = 1 << 26
const MDIC_PHY = 1 << 21
const BMCR_NEGOTIATE = 0x1200

/** A virtual function: its interrupts, whose registers lie where the physical function has them (82576 datasheet, 8.26). */
class IgbFunction implements Interrupter {
  readonly vectors = FUNCTION_VECTORS
  readonly #open: OpenDevice

  constructor(open: OpenDevice) {
    this.#open = open
    enableBusMaster(open.device)
  }

  raiseInterrupt = (vector = 0): void => {
    this.#open.device.write(BAR, EIMS, 4, (1 << FUNCTION_VECTORS) - 1)
    this.#open.device.write(BAR, EICS, 4, 1 << vector)
  }

  acknowledgeInterrupt = (): void => { this.#open.device.write(BAR, EICR, 4, 0xffff_ffff) }
}

/** Intel's 82576 as QEMU's igb (hw/net/igb_core.c). */
export class Igb extends IntelNic implements Interrupter, FunctionOwner {
  readonly vectors = VECTORS
  protected readonly format = advancedDescriptors

  raiseInterrupt = (vector = 0): void => {
    if (msixIsOn(this.open.device)) {
      this.write(GPIE, GPIE_MSIX)
      this.write(EIMS, (1 << VECTORS) - 1)
      this.write(EICS, 1 << vector)
    } else {
      this.write(GPIE, 0)
      this.write(IMS, CAUSE)
      this.write(ICS, CAUSE)
    }
  }

  acknowledgeInterrupt = (): void => {
    this.write(EICR, 0xffff_ffff)
    this.write(ICR, 0xffff_ffff)
  }

  /** It can raise its vectors as soon as this function lets each have its own cause. */
  startFunction = (_: number, open: OpenDevice): Promise<TestDevice> => {
    this.write(GPIE, GPIE_MSIX)
    return Promise.resolve(new IgbFunction(open))
  }

  /** The link is up half a second after the negotiation began, with nobody at its other end too. */
  protected override async bringLinkUp(): Promise<void> {
    this.write(MDIC, MDIC_WRITE | MDIC_PHY | BMCR_NEGOTIATE)
    await until(this.lab, 'igb: the link comes up', () => ((this.read(STATUS) & STATUS_LU) === 0 ? undefined : true))
    this.write(SRRCTL, SRRCTL_ADVANCED)
  }
}
