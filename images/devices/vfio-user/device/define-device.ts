import type { Capability } from '../pci/capability.ts'
import type { Ids } from '../pci/config-space.ts'
import type { Bar } from './bar.ts'
import type { Bus } from './bus.ts'

/** Who reset the device: the client by DEVICE_RESET (its machine or its bus was reset), or the guest's driver by a Function Level Reset. */
export type ResetBy = 'client' | 'flr'

export interface Device {
  readonly ids: Ids
  readonly bars?: readonly Bar[]
  /** In the order of their chain; see pci/capabilities.ts. */
  readonly capabilities?: readonly Capability[]
  /** The device has an INTx pin. Default: when it has neither MSI nor MSI-X. */
  readonly intx?: boolean
  /** Config space and INTx are as at first by then; registers are the device's own to reset. */
  readonly onReset?: (by: ResetBy, bus: Bus) => void
  /** A client has come: the bus works. */
  readonly onConnect?: (bus: Bus) => void
  /** Breaks config space on purpose. */
  readonly brokenConfig?: {
    /** Changes what config space holds from the start and after every reset, and which of its bits software may write. */
    readonly patch?: (bytes: DataView, writable: DataView) => void
    /** Changes what one read of it gives. */
    readonly onRead?: (offset: number, bytes: Uint8Array) => void
  }
}

/** What a file of a device exports as its default: a device, or what makes one of the options that its user gives (any JSON). */
export type DeviceFile = Device | ((options: unknown) => Device | Promise<Device>)

/** Gives a device its type. It is checked when it is started. */
export const defineDevice = <T extends DeviceFile>(device: T): T => device
