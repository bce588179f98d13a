import { kernelFault, type LabError } from '../host/errors.ts'
import { type GuestConsole, lineOf } from './guest-console.ts'

/** What init says (images/guest/init). */
const SSH_IS_UP = /vfio-lab: init: ssh is up/
const GIVES_UP = /vfio-lab: init: cannot go on: (.*)/
const INIT = /vfio-lab: init: /
const TAIL_LINES = 20

const CODES: readonly (readonly [RegExp, string, string])[] = [
  [/virtio-blk/, 'BOOT_NO_DISK', 'the kernel needs VIRTIO_PCI and VIRTIO_BLK'],
  [/EROFS/, 'BOOT_NO_DISK', 'the kernel needs EROFS_FS'],
  [/eth0/, 'BOOT_NO_NETWORK', 'the kernel needs VIRTIO_NET and INET'],
]

/** Resolves when init says that the guest can be reached. Throws LabError kernel/BOOT_... as soon as it says that it cannot go on. */
export const sshIsUp = async (console: GuestConsole, signal: AbortSignal): Promise<void> => {
  const said = await lineOf(console, (line) => {
    if (SSH_IS_UP.test(line)) return { cannot: undefined }
    const cannot = GIVES_UP.exec(line)?.[1]
    return cannot === undefined ? undefined : { cannot }
  }, signal)
  if (said.cannot === undefined) return
  const [, code, hint] = CODES.find(([about]) => about.test(said.cannot)) ?? [undefined, 'BOOT_FAILED', 'the console says more']
  throw kernelFault(code, `the guest booted and cannot go on: ${said.cannot}`, { hint, tail: console.lines.slice(-TAIL_LINES) })
}

/** Why nothing was reached within the limit, as far as the console tells. */
export const bootTooLong = (console: GuestConsole, limitMs: number): LabError => {
  const seconds = Math.round(limitMs / 100) / 10
  const details = { durationMs: limitMs, tail: console.lines.slice(-TAIL_LINES) }
  const spoken = console.lines.filter((line) => line.trim() !== '')
  if (spoken.length === 0) {
    return kernelFault('BOOT_SILENT', `the guest was silent: no line on its serial console within ${seconds} s`, {
      ...details, hint: 'the kernel needs SERIAL_8250_CONSOLE; QEMU itself is alive',
    })
  }
  if (spoken.some((line) => SSH_IS_UP.test(line))) {
    return kernelFault('BOOT_NO_AGENT', `ssh is up in the guest and the agent did not answer within ${seconds} s`, details)
  }
  const where = spoken.some((line) => INIT.test(line)) ? 'init did not come to an end' : 'init was not reached'
  return kernelFault('BOOT_STUCK', `${where} within ${seconds} s`, { ...details, hint: 'the last console lines say how far it came' })
}
