import { constants } from 'node:fs'
import { access } from 'node:fs/promises'
import { labFault } from '../host/errors.ts'
import type { Tools } from '../toolbox/tools.ts'
import { rememberAnswer, rememberedAnswer } from './accelerator-memory.ts'
import type { Accel } from './running-vm.ts'
import { runTinyGuest } from './tiny-guest.ts'

export interface ChosenAccelerator {
  readonly accel: Accel
  /** One line: why this one. */
  readonly because: string
}

interface Usable {
  readonly usable: boolean
  readonly because: string
}

/**
 * KVM when a guest really runs under it, else TCG with a notice that says why.
 * Throws LabError lab/KVM_UNUSABLE when KVM was asked for by name and does not work.
 */
export const chooseAccelerator = async (
  asked: 'auto' | Accel, tools: Tools, { notice, signal }: { readonly notice: (text: string) => void; readonly signal: AbortSignal },
): Promise<ChosenAccelerator> => {
  if (asked === 'tcg') return { accel: 'tcg', because: 'asked for' }
  const kvm = await kvmUsable(tools, asked, signal)
  if (kvm.usable) return { accel: 'kvm', because: kvm.because }
  if (asked === 'kvm') {
    throw labFault('KVM_UNUSABLE', `KVM was asked for and cannot be used: ${kvm.because}`, { hint: 'leave --accel away to run without KVM, slower' })
  }
  notice(`no KVM, guests run under TCG: ${kvm.because}`)
  return { accel: 'tcg', because: kvm.because }
}

const kvmUsable = async (tools: Tools, asked: 'auto' | 'kvm', signal: AbortSignal): Promise<Usable> => {
  // Asked anew every time: whoever has just been given the permission wants to use it.
  const refused = await deviceRefused()
  if (refused !== undefined) return { usable: false, because: refused }
  const qemu = tools.versions['qemu'] ?? tools.id
  const known = await rememberedAnswer(qemu)
  // Whoever names KVM wants it tried, not told what was true some minutes ago.
  if (known !== undefined && (known.ran || asked === 'auto')) return { usable: known.ran, because: known.because }
  const tried = await runTinyGuest('kvm', tools, signal)
  const answer = tried.ran ? { ran: true, because: 'a guest ran under KVM' } : tried
  await rememberAnswer(qemu, answer)
  return { usable: answer.ran, because: answer.because }
}

const deviceRefused = async (): Promise<string | undefined> => {
  try {
    await access('/dev/kvm', constants.R_OK | constants.W_OK)
    return undefined
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? error.code : undefined
    if (code === 'ENOENT') return 'there is no /dev/kvm'
    return 'no permission on /dev/kvm (join the group kvm)'
  }
}
