import { LabError } from '../../../orchestrator/host/errors.ts'

/** The LabError that a call throws. */
export const errorOf = (call: () => unknown): LabError => {
  try {
    call()
  } catch (error) {
    if (error instanceof LabError) return error
    throw error
  }
  throw new Error('nothing was thrown')
}
