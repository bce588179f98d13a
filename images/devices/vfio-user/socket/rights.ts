/**
 * Ancillary data of recvmsg(2) and sendmsg(2), cmsg(3): a header of 16 bytes (u64 length with header, s32 level, s32 type), then data, padded
 * to 8 bytes. Of the kinds of it only SCM_RIGHTS, an array of descriptors, is of interest. The same on every 64-bit Linux.
 */
const HEADER_BYTES = 16
const SOL_SOCKET = 1
const SCM_RIGHTS = 1

/** unix(7): the kernel puts no more descriptors into one message. */
const SCM_MAX_FD = 253

export const CONTROL_BYTES = HEADER_BYTES + SCM_MAX_FD * 4 + 4

export const encodeRights = (fds: readonly number[]): Uint8Array<ArrayBuffer> => {
  const length = HEADER_BYTES + fds.length * 4
  const view = new DataView(new ArrayBuffer(padded(length)))
  view.setBigUint64(0, BigInt(length), true)
  view.setInt32(8, SOL_SOCKET, true)
  view.setInt32(12, SCM_RIGHTS, true)
  for (const [index, fd] of fds.entries()) view.setInt32(HEADER_BYTES + index * 4, fd, true)
  return new Uint8Array(view.buffer)
}

/** The descriptors in what recvmsg(2) left of a control buffer. */
export const decodeRights = (control: Uint8Array): readonly number[] => {
  const view = new DataView(control.buffer, control.byteOffset, control.byteLength)
  const fds: number[] = []
  for (let at = 0; at + HEADER_BYTES <= control.byteLength;) {
    const length = Number(view.getBigUint64(at, true))
    if (length < HEADER_BYTES || at + length > control.byteLength) break
    if (view.getInt32(at + 8, true) === SOL_SOCKET && view.getInt32(at + 12, true) === SCM_RIGHTS) {
      for (let fd = at + HEADER_BYTES; fd + 4 <= at + length; fd += 4) fds.push(view.getInt32(fd, true))
    }
    at += padded(length)
  }
  return fds
}

const padded = (length: number): number => Math.ceil(length / 8) * 8
