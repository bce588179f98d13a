import type { Fd } from '../sys/fd.ts'
import { ioctl, type IoctlArgument } from '../sys/ioctl.ts'
import { checked } from '../sys/libc.ts'
import { Registers } from '../sys/memory.ts'
import type { IoctlName } from '../uapi/ioctls.ts'
import { VFIO, vfioStructs } from '../uapi/vfio.ts'
import { infoCapabilities, type InfoCapability } from './info-capability.ts'

export interface DeviceInfo {
  readonly flags: number
  readonly regions: number
  readonly irqs: number
}

export interface RegionInfo {
  readonly index: number
  readonly flags: number
  readonly size: number
  /** Where it begins in the device's descriptor. */
  readonly offset: bigint
  /** What the kernel wants for the whole answer; more than was given when there are capabilities. */
  readonly argsz: number
  readonly capabilities: readonly InfoCapability[]
}

export interface IrqInfo {
  readonly index: number
  readonly flags: number
  readonly count: number
}

/** One device that a hot reset would reset too. `id` is a group number or a devid, as the flags say. */
export interface DependentDevice {
  readonly id: number
  readonly segment: number
  readonly bus: number
  readonly devfn: number
}

export type Width = 1 | 2 | 4 | 8

/** The descriptor of one VFIO device, however it was got at (linux/vfio.h, DEVICE ioctls). Every method throws Errno. */
export class VfioDevice implements Disposable {
  readonly fd: Fd
  readonly #regions = new Map<number, RegionInfo>()

  constructor(fd: Fd) {
    this.fd = fd
  }

  /** Any ioctl on it, for what the methods here would not send. */
  ioctl(name: IoctlName, argument?: IoctlArgument): number {
    return ioctl(this.fd, name, argument)
  }

  info(): DeviceInfo {
    const answer = vfioStructs.deviceInfo.make()
    this.ioctl('VFIO_DEVICE_GET_INFO', answer)
    return { flags: answer.get('flags'), regions: answer.get('num_regions'), irqs: answer.get('num_irqs') }
  }

  regionInfo(index: number): RegionInfo {
    const ask = (tail: number) => {
      const answer = vfioStructs.regionInfo.make({ index }, { tail })
      this.ioctl('VFIO_DEVICE_GET_REGION_INFO', answer)
      return answer
    }
    const short = ask(0)
    const argsz = short.get('argsz')
    const answer = argsz > short.layout.size ? ask(argsz - short.layout.size) : short
    const info = {
      index,
      flags: answer.get('flags'),
      size: Number(answer.get('size')),
      offset: answer.get('offset'),
      argsz,
      capabilities: infoCapabilities(answer.bytes, answer.get('cap_offset')),
    }
    this.#regions.set(index, info)
    return info
  }

  irqInfo(index: number): IrqInfo {
    const answer = vfioStructs.irqInfo.make({ index })
    this.ioctl('VFIO_DEVICE_GET_IRQ_INFO', answer)
    return { index, flags: answer.get('flags'), count: answer.get('count') }
  }

  /**
   * The ioctl as it is; see also vfio/interrupts.ts. `data` are s32 eventfds or u8 bools behind the struct. Gives 0; or, where there are fewer
   * vectors of MSI than asked for, how many: then none is connected (vfio_msi_enable()).
   */
  setIrqs(request: { readonly flags: number; readonly index: number; readonly start?: number; readonly count: number }, data?: Uint8Array): number {
    const { flags, index, start = 0, count } = request
    return this.ioctl('VFIO_DEVICE_SET_IRQS', vfioStructs.irqSet.make({ flags, index, start, count }, data === undefined ? {} : { tail: data }))
  }

  reset(): void {
    this.ioctl('VFIO_DEVICE_RESET')
  }

  /** `room` is for how many devices there is memory: too few is ENOSPC. */
  hotResetInfo(room = 32): { readonly flags: number; readonly devices: readonly DependentDevice[] } {
    const { pciHotResetInfo, pciDependentDevice } = vfioStructs
    const answer = pciHotResetInfo.make({}, { tail: room * pciDependentDevice.size })
    this.ioctl('VFIO_DEVICE_GET_PCI_HOT_RESET_INFO', answer)
    const devices = Array.from({ length: answer.get('count') }, (_, index) => {
      const device = pciDependentDevice.at(answer.tail, index * pciDependentDevice.size)
      return { id: device.get('group_id'), segment: device.get('segment'), bus: device.get('bus'), devfn: device.get('devfn') }
    })
    return { flags: answer.get('flags'), devices }
  }

  /** Group descriptors prove ownership; a device opened as a cdev proves it with none. */
  hotReset(groups: readonly Fd[], flags = 0): void {
    this.ioctl('VFIO_DEVICE_PCI_HOT_RESET', vfioStructs.pciHotReset.make(
      { flags, count: groups.length },
      { tail: int32s(groups.map((group) => group.number)) },
    ))
  }

  /** VFIO_DEVICE_FEATURE with flags (GET, SET, PROBE and the index) and data; returns the data as the kernel left it. */
  feature(flags: number, data: Uint8Array = new Uint8Array()): Uint8Array {
    const request = vfioStructs.deviceFeature.make({ flags }, { tail: data })
    this.ioctl('VFIO_DEVICE_FEATURE', request)
    return request.tail
  }

  /** Raises an eventfd at each write of `data` to `offset` (of the descriptor). `eventfd` -1 takes it away. */
  ioeventfd(width: Width, offset: bigint, data: bigint, eventfd: number): void {
    this.ioctl('VFIO_DEVICE_IOEVENTFD', vfioStructs.deviceIoeventfd.make({ flags: width, offset, data, fd: eventfd }))
  }

  /** One read(2) of this width; the value, little-endian. */
  read(region: number, offset: number, width: 8): bigint
  read(region: number, offset: number, width: 1 | 2 | 4): number
  read(region: number, offset: number, width: Width): number | bigint {
    const bytes = this.readBytes(region, offset, width)
    const view = new DataView(bytes.buffer)
    switch (width) {
      case 1: return view.getUint8(0)
      case 2: return view.getUint16(0, true)
      case 4: return view.getUint32(0, true)
      case 8: return view.getBigUint64(0, true)
    }
  }

  /** One write(2) of this width, little-endian. */
  write(region: number, offset: number, width: Width, value: number | bigint): void {
    const view = new DataView(new ArrayBuffer(8))
    view.setBigUint64(0, BigInt.asUintN(64, BigInt(value)), true)
    this.writeBytes(region, offset, new Uint8Array(view.buffer, 0, width))
  }

  /** As many bytes as the kernel gave of the range. */
  readBytes(region: number, offset: number, length: number): Uint8Array<ArrayBuffer> {
    const bytes = new Uint8Array(new ArrayBuffer(length))
    const at = this.#start(region) + BigInt(offset)
    const got = checked(`read(region ${region}, offset 0x${offset.toString(16)}, ${length} bytes)`, (c) => c.pread(this.fd.number, bytes, length, at))
    return got === length ? bytes : bytes.slice(0, got)
  }

  /** How many bytes the kernel took. */
  writeBytes(region: number, offset: number, bytes: Uint8Array): number {
    const at = this.#start(region) + BigInt(offset)
    return checked(
      `write(region ${region}, offset 0x${offset.toString(16)}, ${bytes.byteLength} bytes)`,
      (c) => c.pwrite(this.fd.number, bytes, bytes.byteLength, at),
    )
  }

  /** Maps a region, all of it unless told otherwise. */
  mmap(region: number, options: { readonly offset?: number; readonly length?: number } = {}): Registers {
    const { size, offset } = this.regionInfo(region)
    const from = options.offset ?? 0
    return Registers.ofRegion(this.fd, offset + BigInt(from), options.length ?? size - from, `region ${region}`)
  }

  close(): void {
    this.fd.close()
  }

  [Symbol.dispose](): void {
    this.close()
  }

  /** Where a region begins; one behind those that every PCI device has begins where vfio-pci would put it, unless regionInfo() was told of it. */
  #start(index: number): bigint {
    const known = this.#regions.get(index) ?? (index < VFIO.VFIO_PCI_NUM_REGIONS ? this.regionInfo(index) : undefined)
    return known?.offset ?? BigInt(index) << 40n
  }
}

/** An array of __s32 as the kernel wants it behind a struct. */
export const int32s = (numbers: readonly number[]): Uint8Array => new Uint8Array(new Int32Array(numbers).buffer)
