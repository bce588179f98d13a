import type { Breakage } from './options.ts'

const COMMAND = 0x04
const INTX_DISABLE_BYTE = COMMAND + 1
const INTX_DISABLE_BIT = 0x04
const CAPABILITY_LIST = 0x34
const EXTENDED = 0x100

const VENDOR_SPECIFIC = 0x09
const MSIX = 0x11
const EXTENDED_VENDOR_SPECIFIC = 0x0b

/** Where a capability lies that says it goes on beyond the end. */
export const LAST_CAPABILITY = 0xf0
export const LAST_EXTENDED = 0xff0

/** Breaks config space in one way. A capability that says how long it is says so behind its header (vfio_cap_init() and vfio_ecap_init() believe it). */
export const breakConfig = (config: DataView, writable: DataView, breakage: Breakage): void => {
  switch (breakage) {
    case 'capability-loop':
      config.setUint8(lastCapability(config) + 1, config.getUint8(CAPABILITY_LIST))
      break
    case 'capability-in-header':
      config.setUint8(lastCapability(config) + 1, 0x10)
      break
    case 'msix-table-outside':
      config.setUint32(capability(config, MSIX) + 4, 0x10_0000, true)
      break
    case 'vendor-empty':
      config.setUint8(capability(config, VENDOR_SPECIFIC) + 2, 0)
      break
    case 'vendor-overlap':
      config.setUint8(capability(config, VENDOR_SPECIFIC) + 2, 0x20)
      break
    case 'vendor-beyond':
      config.setUint8(capability(config, VENDOR_SPECIFIC) + 2, 0x18)
      break
    case 'extended-vendor-empty':
      setExtendedLength(config, 0)
      break
    case 'extended-vendor-overlap':
      setExtendedLength(config, 0x18)
      break
    case 'extended-vendor-beyond':
      setExtendedLength(config, 0x14)
      break
    // device.ts leaves the prefix out.
    case 'pasid-without-prefix':
      break
    case 'no-intx-disable':
      writable.setUint8(INTX_DISABLE_BYTE, writable.getUint8(INTX_DISABLE_BYTE) & ~INTX_DISABLE_BIT)
      break
  }
}

const setExtendedLength = (config: DataView, length: number): void => {
  const at = extendedCapability(config, EXTENDED_VENDOR_SPECIFIC) + 4
  config.setUint32(at, (config.getUint32(at, true) & 0xf_ffff) | (length << 20), true)
}

const chain = (config: DataView): readonly number[] => {
  const offsets: number[] = []
  for (let at = config.getUint8(CAPABILITY_LIST); at !== 0 && !offsets.includes(at); at = config.getUint8(at + 1)) offsets.push(at)
  return offsets
}

const lastCapability = (config: DataView): number => chain(config).at(-1) ?? missing('any')

const capability = (config: DataView, id: number): number => chain(config).find((at) => config.getUint8(at) === id) ?? missing(id)

const extendedCapability = (config: DataView, id: number): number => {
  let at = EXTENDED
  while (at !== 0 && config.getUint16(at, true) !== id) at = config.getUint32(at, true) >>> 20
  return at === 0 ? missing(id) : at
}

const missing = (id: number | string): never => {
  throw new Error(`there is no capability ${id} to break`)
}
