import type { UapiBeliefs } from '../protocol.ts'
import { IOCTLS } from './ioctls.ts'
import { IOMMUFD, iommufdStructs } from './iommufd.ts'
import { type Fields, type Layout, SCALAR_BYTES } from './struct.ts'
import { VFIO, vfioStructs } from './vfio.ts'

/** All that the agent believes of linux/vfio.h and linux/iommufd.h, to be held against those of the kernel under test. */
export const uapiBeliefs = (): UapiBeliefs => ({
  structs: [...Object.values(iommufdStructs), ...Object.values(vfioStructs)].map(structBelief),
  ioctls: IOCTLS,
  constants: { ...IOMMUFD, ...VFIO },
})

const structBelief = ({ name, size, places, aliases }: Layout<Fields>): UapiBeliefs['structs'][number] => {
  const names = [...[...places.keys()].map((field) => [field, field] as const), ...Object.entries(aliases)]
  return {
    name,
    size,
    fields: names.flatMap(([field, of]) => {
      const place = places.get(of)
      return place === undefined ? [] : [{ name: field, offset: place.offset, bytes: SCALAR_BYTES[place.scalar] }]
    }),
  }
}
