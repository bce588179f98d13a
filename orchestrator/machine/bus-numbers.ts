import { FIRST_BYPASSING_BUS } from '../../guest-agent/protocol.ts'
import { yours } from '../host/errors.ts'
import { isPlace, type SlotSpec } from './machine-spec.ts'

/** Below the buses that the IOMMU does not see, and without the root bus. */
const MOST_BUSES = FIRST_BYPASSING_BUS - 1

/**
 * A bus that gets no number is not there for the guest, with all that stands behind it, and neither QEMU nor its firmware says so.
 * Throws yours/BAD_MACHINE.
 */
export const requireBusNumbers = (machine: string, slots: readonly SlotSpec[]): void => {
  const buses = slots.reduce((sum, slot) => sum + busesOf(slot), 0)
  if (buses > MOST_BUSES) throw yours('BAD_MACHINE', `machine ${machine}: its devices take ${buses} PCI buses, and there are numbers for ${MOST_BUSES}`)
  if (slots.filter(({ kind }) => kind === 'bypassing').length > 1) {
    throw yours('BAD_MACHINE', `machine ${machine}: there is one bus that bypasses the IOMMU`, { hint: 'name all of its devices in one bypassingIommu(...)' })
  }
}

/** One behind each port; a bridge and the inside of a switch are buses as well. */
const busesOf = (slot: SlotSpec): number => {
  if (!isPlace(slot)) return slot.kind === 'ivshmem' ? 0 : 1
  switch (slot.kind) {
    case 'bypassing': return 0
    case 'one-group': return 2
    case 'multifunction':
    case 'plugged-later': return 1
    case 'behind-switch':
    case 'switch-functions': return 2 + slot.devices.length
  }
}
