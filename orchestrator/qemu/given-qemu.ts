import { LabError, yours } from '../host/errors.ts'
import type { QemuProgram } from '../toolbox/qemu-program.ts'
import type { Tools } from '../toolbox/tools.ts'
import { type AskedQemu, askQemu } from '../vm/ask-qemu.ts'

/** The QEMU that a config names by its path. Throws yours/BAD_QEMU when that is no QEMU. */
export const openGivenQemu = async (path: string, tools: Tools, signal: AbortSignal): Promise<AskedQemu> => {
  const qemu: QemuProgram = { program: path, runsIn: 'host' }
  try {
    return { qemu, offer: await askQemu(qemu, tools, signal) }
  } catch (error) {
    if (!(error instanceof LabError) || error.kind !== 'lab') throw error
    throw yours('BAD_QEMU', `qemu: '${path}' does not answer as a QEMU: ${error.message}`, { tail: error.tail, cause: error })
  }
}
