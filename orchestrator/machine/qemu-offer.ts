import { yours } from '../host/errors.ts'
import { ATS_TESTDEV } from './ats-testdev.ts'

/** What a QEMU has, by its own account. */
export interface QemuOffer {
  /** `11.1.3` */
  readonly version: string
  readonly devices: ReadonlySet<string>
  /** Properties of those devices that come in several dialects, by the device's name; empty for one that it has not. */
  readonly properties: ReadonlyMap<string, ReadonlySet<string>>
}

/** Devices whose properties were renamed or came late: an offer holds what they have. */
export const DIALECTS = ['amd-iommu', 'intel-iommu', 'pxb-pcie', 'virtio-iommu-pci'] as const

/** All whose properties an offer holds. */
export const ASKED: readonly string[] = [...DIALECTS, ATS_TESTDEV]

export type Dialect = (typeof DIALECTS)[number]

/** For messages: which machine asks. */
export interface Asking {
  readonly machine: string
  readonly offer: QemuOffer
}

/** Throws yours/QEMU_LACKS. `since`: the first release that has the device. */
export const needDevice = ({ machine, offer }: Asking, device: string, since: string): void => {
  if (offer.devices.has(device)) return
  throw lacks(machine, offer, `device ${device}`, since)
}

/**
 * The name that this QEMU has for a property: the first of `names`, newest first, that it knows.
 * Throws yours/QEMU_LACKS. `since`: the first release that has it under any name.
 */
export const propertyName = ({ machine, offer }: Asking, device: Dialect, names: readonly string[], since: string): string => {
  const known = offer.properties.get(device)
  const name = names.find((one) => known?.has(one))
  if (name === undefined) throw lacks(machine, offer, `property ${names[0] ?? ''} of ${device}`, since)
  return name
}

const lacks = (machine: string, { version }: QemuOffer, what: string, since: string) =>
  yours('QEMU_LACKS', `machine ${machine}: QEMU ${version} has no ${what}`, {
    hint: `${sinceText(since)}; leave \`tools\` and \`qemu\` away in lab.config.ts to get the toolbox's`,
  })

/** Where a thing comes from, for a person: a release of QEMU, or what stands in place of one. */
export const sinceText = (since: string): string => (/^\d/.test(since) ? `QEMU has it since ${since}` : since)
