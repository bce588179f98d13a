import os from 'node:os'
import { Errno } from '../../../../guest-agent/sys/errno.ts'

/** The peer broke the protocol so that nothing more can be made of what it sends: the connection ends. */
export class ProtocolError extends Error {
  override readonly name = 'ProtocolError'
}

export type ErrnoName = keyof typeof os.constants.errno

/** One command is refused with this error; the connection goes on. `what` says why, for whoever reads the reports. */
export const refusal = (name: ErrnoName, what: string): Errno => new Errno(os.constants.errno[name], what)
