import { Layout } from '../../uapi/struct.ts'
import type { DmaPage } from '../dma-page.ts'

/** Every format has 16 bytes. */
export const DESCRIPTOR_SIZE = 16

/** How a kind of controller has its descriptors: one to send a whole frame, one to receive it, and whether it is done with one. */
export interface DescriptorFormat {
  readonly send: (ring: DmaPage, slot: number, address: bigint, length: number) => void
  readonly isSent: (ring: DmaPage, slot: number) => boolean
  readonly receive: (ring: DmaPage, slot: number, address: bigint) => void
  readonly isReceived: (ring: DmaPage, slot: number) => boolean
}

/** Descriptor done, in every format. */
const DD = 1
/** Transmit command: end of packet, append the checksum, report. */
const [EOP, IFCS, RS] = [1 << 0, 1 << 1, 1 << 3]

const legacyTransmit = new Layout('legacy transmit descriptor', {
  address: 'u64', length: 'u16', cso: 'u8', command: 'u8', status: 'u8', css: 'u8', special: 'u16',
})
const legacyReceive = new Layout('legacy receive descriptor', {
  address: 'u64', length: 'u16', checksum: 'u16', status: 'u8', errors: 'u8', special: 'u16',
})

/** 82574 datasheet, 7.1.4 and 7.2.10. */
export const legacyDescriptors: DescriptorFormat = {
  send: (ring, slot, address, length) => { put(ring, slot, legacyTransmit.make({ address, length, command: EOP | IFCS | RS }).bytes) },
  isSent: (ring, slot) => (legacyTransmit.at(ring.memory.bytes, slot * DESCRIPTOR_SIZE).get('status') & DD) !== 0,
  receive: (ring, slot, address) => { put(ring, slot, legacyReceive.make({ address }).bytes) },
  isReceived: (ring, slot) => (legacyReceive.at(ring.memory.bytes, slot * DESCRIPTOR_SIZE).get('status') & DD) !== 0,
}

/** Read by the controller; what it writes back of a transmit descriptor is the status, of a receive descriptor all of it. */
const advancedTransmit = new Layout('advanced transmit data descriptor', { address: 'u64', command: 'u32', status: 'u32' })
const advancedReceive = new Layout('advanced receive descriptor', { address: 'u64', header: 'u64' })
const advancedReceived = new Layout('advanced receive descriptor, written back', { info: 'u32', rss: 'u32', status: 'u32', length: 'u16', vlan: 'u16' })
/** A data descriptor of the advanced format; the command's bits of above stand at 24. */
const [DTYP_DATA, DEXT] = [3 << 20, 1 << 29]
const COMMAND_SHIFT = 24
const PAYLOAD_LENGTH_SHIFT = 14

/** 82576 datasheet, 7.1.5 and 7.2.2.3. */
export const advancedDescriptors: DescriptorFormat = {
  send: (ring, slot, address, length) => {
    const command = length | DTYP_DATA | DEXT | ((EOP | IFCS | RS) << COMMAND_SHIFT)
    put(ring, slot, advancedTransmit.make({ address, command, status: length << PAYLOAD_LENGTH_SHIFT }).bytes)
  },
  isSent: (ring, slot) => (advancedTransmit.at(ring.memory.bytes, slot * DESCRIPTOR_SIZE).get('status') & DD) !== 0,
  receive: (ring, slot, address) => { put(ring, slot, advancedReceive.make({ address }).bytes) },
  isReceived: (ring, slot) => (advancedReceived.at(ring.memory.bytes, slot * DESCRIPTOR_SIZE).get('status') & DD) !== 0,
}

const put = (ring: DmaPage, slot: number, bytes: Uint8Array): void => {
  ring.memory.bytes.set(bytes, slot * DESCRIPTOR_SIZE)
}
