import fs from 'node:fs'
import type { DeviceKind } from '../protocol.ts'
import { existingNode, SysfsDevice } from '../sys/sysfs-device.ts'
import { namesIn, readText, writeText, writeTextAside } from '../sys/text-file.ts'

const BUS = '/sys/bus/pci'
export const VFIO_PCI = 'vfio-pci'

/** One BAR as /sys/bus/pci/devices/BDF/resource shows it. */
export interface Bar {
  readonly index: number
  readonly size: number
  readonly io: boolean
  /** It has 64 bits: the register behind its own holds the upper half. */
  readonly wide: boolean
}

const IORESOURCE_IO = 0x100
const BDF = /^[0-9a-f]{4}:[0-9a-f]{2}:/
const IORESOURCE_MEM_64 = 0x10_0000

/** A PCI device through sysfs: which driver it has, which nodes it shows, its config space. */
export class PciDevice extends SysfsDevice {
  /** `0000:01:00.0` */
  readonly bdf: string
  readonly kind: DeviceKind

  constructor(bdf: string, kind: DeviceKind) {
    super(`${BUS}/devices/${bdf}`)
    this.bdf = bdf
    this.kind = kind
  }

  get bars(): readonly Bar[] {
    return barsOf(this.dir)
  }

  /** The port that it stands behind, by its address. */
  get port(): string {
    return portOf(this.dir)
  }

  /** The upstream port of the switch that it stands behind, by its address; undefined: no switch. */
  get upstream(): string | undefined {
    // root port, upstream port, downstream port, device
    const [rootPort = '', upstream] = pathOf(this.dir).slice(-4)
    return BDF.test(rootPort) ? upstream : undefined
  }

  /** Addresses of all devices in its IOMMU group, sorted. */
  get groupMembers(): readonly string[] {
    return [...namesIn(`${this.dir}/iommu_group/devices`)].sort()
  }

  /** Its group is one that VFIO made up for want of an IOMMU. */
  get groupIsNoiommu(): boolean {
    return readText(`${this.dir}/iommu_group/name`) === 'vfio-noiommu'
  }

  /** `/dev/vfio/7` or `/dev/vfio/noiommu-0` when that node exists. */
  get groupNode(): string | undefined {
    const number = this.groupNumber
    if (number === undefined) return undefined
    return existingNode(`/dev/vfio/${this.groupIsNoiommu ? 'noiommu-' : ''}${number}`)
  }

  /**
   * Binds it to vfio-pci and to nothing else; a driver of the guest's own that has it lets it go first. A refused probe throws Errno with the
   * kernel's reason. Does nothing when it is bound already.
   */
  bind(): void {
    const { driver } = this
    if (driver === VFIO_PCI) return
    writeText(`${this.dir}/driver_override`, VFIO_PCI)
    if (driver !== undefined) writeText(`${BUS}/drivers/${driver}/unbind`, this.bdf)
    writeText(`${BUS}/drivers/${VFIO_PCI}/bind`, this.bdf)
  }

  /** Unbinds it, on another thread: it blocks in the kernel for as long as somebody has the device open. */
  async unbind(): Promise<void> {
    const driver = this.driver
    if (driver === undefined) return
    await writeTextAside(`${BUS}/drivers/${driver}/unbind`, this.bdf)
    writeText(`${this.dir}/driver_override`, '\n')
  }

  /** Bytes of config space as the kernel sees it, not through VFIO. */
  config(offset: number, length: number): DataView {
    const bytes = new Uint8Array(length)
    const fd = fs.openSync(`${this.dir}/config`, 'r')
    try {
      fs.readSync(fd, bytes, 0, length, offset)
    } finally {
      fs.closeSync(fd)
    }
    return new DataView(bytes.buffer)
  }

  /** One byte of it, for what walks the capabilities. */
  configByte = (offset: number): number => this.config(offset, 1).getUint8(0)

  override toString(): string {
    return `${this.kind} ${this.bdf}`
  }
}

/** Addresses from the root bus to the device of this folder. */
const pathOf = (dir: string): readonly string[] => fs.realpathSync(dir).split('/')

/** The address of the port that it stands behind. */
export const portOf = (dir: string): string => pathOf(dir).at(-2) ?? ''

export const barsOf = (dir: string): readonly Bar[] =>
  fs.readFileSync(`${dir}/resource`, 'utf8').split('\n').slice(0, 6).flatMap((line, index) => {
    const [start = 0, end = 0, flags = 0] = line.split(' ').map(Number)
    return end === 0 ? [] : [{ index, size: end - start + 1, io: (flags & IORESOURCE_IO) !== 0, wide: (flags & IORESOURCE_MEM_64) !== 0 }]
  })
