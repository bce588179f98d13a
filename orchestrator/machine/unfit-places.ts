import { DEVICE_CAPABILITIES, type DeviceKind, type Topology } from '../../guest-agent/protocol.ts'
import { isPlace, type MachineFacts, type SlotSpec } from './machine-spec.ts'

/** What the cases about a place take of the devices there, and how the plan says that it is not so. */
interface Wish {
  readonly holds: (kinds: readonly DeviceKind[]) => boolean
  readonly because: string
}

const writes = (kind: DeviceKind): boolean => DEVICE_CAPABILITIES[kind].includes('dma-write')

const aPair = (where: string): Wish => ({
  holds: (kinds) => kinds.length > 1 && kinds.some(writes),
  because: `no two devices ${where} of which one can write to memory`,
})

const WISHES: Readonly<Partial<Record<Topology, Wish>>> = {
  bypassing: { holds: (kinds) => kinds.includes('edu'), because: 'no edu among the devices that bypass the IOMMU' },
  'one-group': aPair('behind one bridge'),
  multifunction: aPair('that are functions of one'),
  'switch-functions': aPair('behind one switch whose ports are functions of one slot'),
  'plugged-later': { holds: (kinds) => kinds.some(writes), because: 'what is plugged in later cannot write to memory' },
}

/** Places of the machine whose devices its cases can do nothing with, and why. Any place of a kind will do; of what is plugged in later the first is taken. */
export const unfitPlaces = (slots: readonly SlotSpec[]): Pick<MachineFacts, 'unfit'> => {
  const unfit = [...Map.groupBy(slots.filter(isPlace), ({ kind }) => kind)].flatMap(([kind, places]) => {
    const wish = WISHES[kind]
    const taken = kind === 'plugged-later' ? places.slice(0, 1) : places
    const fits = wish === undefined || taken.some(({ devices }) => wish.holds(devices.map((device) => device.kind)))
    return fits ? [] : [[kind, wish.because] as const]
  })
  return unfit.length === 0 ? {} : { unfit: Object.fromEntries(unfit) }
}
