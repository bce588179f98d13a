import { describe, expect, it } from 'vitest'
import { bootTooLong, sshIsUp } from '../../../orchestrator/vm/boot-progress.ts'
import type { GuestConsole } from '../../../orchestrator/vm/guest-console.ts'

const said = (...lines: readonly string[]): GuestConsole => ({
  lines,
  closed: Promise.resolve(),
  follow: (onLine) => {
    lines.forEach(onLine)
    return { [Symbol.dispose]: () => undefined }
  },
})
const live = new AbortController().signal

describe('sshIsUp', () => {
  it('believes init', async () => {
    await sshIsUp(said('[ 1.0] x', '[ 1.2] vfio-lab: init: ssh is up'), live)
  })

  it.each([
    ['no virtio-blk disk', 'BOOT_NO_DISK'],
    ['no EROFS in this kernel', 'BOOT_NO_DISK'],
    ['no eth0', 'BOOT_NO_NETWORK'],
    ['dropbear does not start', 'BOOT_FAILED'],
  ])('takes "%s" for the end of the boot', async (words, code) => {
    const boot = sshIsUp(said(`[ 1.2] vfio-lab: init: cannot go on: ${words}`), live)
    await expect(boot).rejects.toMatchObject({ kind: 'kernel', code })
  })
})

describe('bootTooLong', () => {
  it.each([
    ['BOOT_SILENT', []],
    ['BOOT_STUCK', ['[    0.1] Linux']],
    ['BOOT_NO_AGENT', ['[    0.1] Linux', '[ 1.2] vfio-lab: init: ssh is up']],
  ])('is %s', (code, lines) => {
    const fault = bootTooLong(said(...lines), 30_000)
    expect(fault).toMatchObject({ kind: 'kernel', code, durationMs: 30_000 })
    expect(fault.message).toContain('30 s')
  })
})
