import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { panicWatch } from '../../../orchestrator/vm/panic-watch.ts'

beforeEach(() => { vi.useFakeTimers() })
afterEach(() => { vi.useRealTimers() })

const told = (lines: readonly string[]): readonly string[] => {
  const panics: string[] = []
  const watch = panicWatch((because) => { panics.push(because) })
  lines.forEach(watch)
  vi.advanceTimersByTime(600)
  return panics
}

const OOPS_WHILE_BOOTING = [
  '[    0.420000] AMD-Vi: No southbridge IOAPIC found',
  '[    0.431234] BUG: kernel NULL pointer dereference, address: 0000000000000000',
  '[    0.431300] #PF: supervisor read access in kernel mode',
  '[    0.431400] Oops: Oops: 0000 [#1] SMP NOPTI',
  '[    0.431500] CPU: 0 UID: 0 PID: 1 Comm: swapper/0 Not tainted 7.3.0 #1',
  '[    0.431600] RIP: 0010:alloc_irq_table+0x61/0x1f0',
  '[    0.431700] Call Trace:',
  '[    0.431800] Kernel panic - not syncing: Fatal exception',
]

describe('panicWatch', () => {
  it('names the function of the oops that led to the panic', () => {
    expect(told([...OOPS_WHILE_BOOTING, '[    0.5] ---[ end Kernel panic - not syncing: Fatal exception ]---'])).toEqual(['oops in alloc_irq_table'])
  })

  it('tells even when the trace never ends', () => {
    expect(told(OOPS_WHILE_BOOTING)).toEqual(['oops in alloc_irq_table'])
  })

  it('gives the words of a panic without an oops', () => {
    const words = 'VFS: Unable to mount root fs on unknown-block(0,0)'
    expect(told([`[    1.0] Kernel panic - not syncing: ${words}`, `[    1.1] ---[ end Kernel panic - not syncing: ${words} ]---`])).toEqual([`panic: ${words}`])
  })

  it('does not take the function of an earlier warning for the oops', () => {
    expect(
      told([
        '[    1.0] WARNING: CPU: 0 PID: 1 at drivers/vfio/group.c:1 vfio_warned+0x1/0x2',
        '[    1.1] RIP: 0010:vfio_warned+0x1/0x2',
        '[    2.0] Kernel panic - not syncing: stack-protector: corrupted',
      ]),
    ).toEqual(['panic: stack-protector: corrupted'])
  })

  it('says nothing of warnings and of an oops that the kernel outlives', () => {
    expect(told(['[    1.0] WARNING: CPU: 0', ...OOPS_WHILE_BOOTING.slice(0, -1)])).toEqual([])
  })
})
