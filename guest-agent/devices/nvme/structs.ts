import { Layout } from '../../uapi/struct.ts'

/** What controller and driver share in memory (NVM Express Base Specification 1.4, sections 4.2, 4.4 and 4.6). */
export const nvmeStructs = {
  /** `data` and `more` are the two PRP entries, or one SGL descriptor. */
  command: new Layout('submission queue entry', {
    opcode: 'u8', flags: 'u8', cid: 'u16', nsid: 'u32', cdw2: 'u32', cdw3: 'u32', metadata: 'u64', data: 'u64', more: 'u64',
    cdw10: 'u32', cdw11: 'u32', cdw12: 'u32', cdw13: 'u32', cdw14: 'u32', cdw15: 'u32',
  }),
  completion: new Layout('completion queue entry', {
    result: 'u32', dw1: 'u32', sq_head: 'u16', sq_id: 'u16', cid: 'u16', /** Bit 0 is the phase. */ status: 'u16',
  }),
  sgl: new Layout('SGL descriptor', { address: 'u64', more: 'u64' }),
}

export const Opcode = {
  // Admin, section 5
  CREATE_SQ: 0x01,
  CREATE_CQ: 0x05,
  IDENTIFY: 0x06,
  GET_FEATURES: 0x0a,
  VIRTUALIZATION_MANAGEMENT: 0x1c,
  // NVM command set, section 6
  FLUSH: 0x00,
  WRITE: 0x01,
  READ: 0x02,
} as const

/** Status code type and code, section 4.6.1. */
export const Status = { SUCCESS: 0, DATA_TRANSFER_ERROR: 0x04 } as const

/** PSDT of the flags: data is told by an SGL (section 4.2). */
export const FLAG_SGL = 0x40

const SGL_LAST_SEGMENT = 3n

/** The second half of an SGL descriptor: its length, and in the top bits its type. A data block's type is 0. */
export const sglBlock = (length: number): bigint => BigInt(length)
export const sglLastSegment = (length: number): bigint => BigInt(length) | (SGL_LAST_SEGMENT << 60n)
