import { yours } from '../host/errors.ts'
import { ATS_TESTDEV } from '../machine/ats-testdev.ts'
import type { OpenToolsOptions } from '../toolbox/open-toolbox.ts'
import { type QemuProgram, TOOLS_QEMU } from '../toolbox/qemu-program.ts'
import type { Tools } from '../toolbox/tools.ts'
import { type AskedQemu, askQemu } from '../vm/ask-qemu.ts'
import { openBuiltQemu } from './built-qemu.ts'
import { openGivenQemu } from './given-qemu.ts'

/** The QEMU of a machine that has a pcie-ats-testdev. Open for as long as guests of it run. */
export type AtsQemu = AskedQemu & AsyncDisposable

export interface AtsQemuRequest extends OpenToolsOptions {
  /** The path in the user's config. */
  readonly given: string | undefined
  readonly tools: Tools
}

/**
 * The given QEMU when it has the device, then the tools' own when that has it, then one that the lab builds.
 * Throws yours/BAD_QEMU when the given one is no QEMU, yours/NO_ATS_TESTDEV when none has the device and the lab's own cannot run, and what openBuiltQemu throws.
 */
export const openAtsQemu = async ({ given, tools, notice, signal }: AtsQemuRequest): Promise<AtsQemu> => {
  if (given !== undefined) {
    const theirs = await openGivenQemu(given, tools, signal)
    if (theirs.offer.devices.has(ATS_TESTDEV)) return lasting(theirs)
    notice(`${given}, QEMU ${theirs.offer.version}, has no ${ATS_TESTDEV}: looking for another QEMU`)
  }
  const usual = { qemu: TOOLS_QEMU, offer: await askQemu(TOOLS_QEMU, tools, signal) }
  if (usual.offer.devices.has(ATS_TESTDEV)) return lasting(usual)
  if (tools.kind === 'host') {
    throw yours('NO_ATS_TESTDEV', `QEMU ${usual.offer.version} of this host has no ${ATS_TESTDEV}, and the one that the lab builds runs in the toolbox only`, {
      hint: 'give a QEMU that has it as qemu: \'/path\', or leave out tools: \'host\'',
    })
  }
  await using stack = new AsyncDisposableStack()
  const { program } = stack.use(await openBuiltQemu(tools, { notice, signal }))
  const qemu: QemuProgram = { program, runsIn: 'tools' }
  const offer = await askQemu(qemu, tools, signal)
  if (!offer.devices.has(ATS_TESTDEV)) throw new Error(`${program} was built with ${ATS_TESTDEV} and does not have it`)
  const held = stack.move()
  return { qemu, offer, [Symbol.asyncDispose]: () => held.disposeAsync() }
}

/** One that stays whether it is open or not. */
const lasting = (asked: AskedQemu): AtsQemu => ({ ...asked, [Symbol.asyncDispose]: () => Promise.resolve() })
