import { equalBytes, ok } from '../case/expect.ts'
import type { DmaReport } from './test-device.ts'

/** Memory, zero before, must hold what the device wrote; of random bytes it is only known that they are not all zero. */
export const equalWritten = (memory: Uint8Array, { expected }: DmaReport, what: string): void => {
  if (expected === undefined) ok(memory.some((byte) => byte !== 0), `${what}: random bytes expected, got zeroes`)
  else equalBytes(memory, expected, what)
}
