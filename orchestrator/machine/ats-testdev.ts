import type { QemuOffer } from './qemu-offer.ts'

/** A device that keeps translations (ATS). Several models of that name exist; QEMU's releases have none. */
export const ATS_TESTDEV = 'pcie-ats-testdev'

/** The model that a QEMU has. */
export interface AtsTestdev {
  /** For -device or device_add: ATS on, and page requests where it has them. */
  readonly properties: Readonly<Record<string, string>>
  /** Why it makes no page requests (PRI); undefined when it makes them. */
  readonly noPageRequests: string | undefined
  /** Why it does not tell what it keeps (capability ats-counters); undefined when it does. */
  readonly noCounters: string | undefined
}

/** Undefined when this QEMU has no such device. */
export const atsTestdev = ({ version, devices, properties }: QemuOffer): AtsTestdev | undefined => {
  if (!devices.has(ATS_TESTDEV)) return undefined
  const has = (device: string, property: string): boolean => properties.get(device)?.has(property) === true
  const noPageRequests = !has(ATS_TESTDEV, 'pri')
    ? `the ${ATS_TESTDEV} of QEMU ${version} makes no page requests (it has no property pri)`
    : !has('intel-iommu', 'svm') ? `the intel-iommu of QEMU ${version} answers no page requests (it has no property svm)` : undefined
  return {
    properties: {
      driver: ATS_TESTDEV,
      ...(has(ATS_TESTDEV, 'ats') ? { ats: 'on' } : {}),
      ...(noPageRequests === undefined ? { pri: 'on' } : {}),
    },
    noPageRequests,
    noCounters: has(ATS_TESTDEV, 'counters') ? undefined : `the ${ATS_TESTDEV} of QEMU ${version} does not tell what it keeps: it is not the lab's model`,
  }
}
