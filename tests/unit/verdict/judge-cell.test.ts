import { describe, expect, test } from 'vitest'
import { judgeCell } from '../../../orchestrator/verdict/judge-cell.ts'
import type { CellPlan } from '../../../orchestrator/plan/plan.ts'
import type { CellResult } from '../../../orchestrator/verdict/results.ts'
import { aCase, built, consoleFor, end, lifeOf, planOf, start, unbuilt, WARNING } from './made-up-cell.ts'

const A = 'cdev/bind'
const B = 'ioas/map'
const asked = [A, B]
const plan = planOf([aCase(A), aCase(B)])
const meta = { qemu: '11.1.3' }
const passing = [start(A), end(A), start(B), end(B)]

const outcomes = (result: CellResult) => Object.fromEntries(result.cases.map(({ id, outcome, unexpected }) => [id, `${outcome}${unexpected ? ' !' : ''}`]))
const caseOf = (result: CellResult, id: string) => {
  const found = result.cases.find((one) => one.id === id)
  if (found === undefined) throw new Error(`no ${id}`)
  return found
}

describe('a cell whose cases all ran', () => {
  test('is ok when each passed', () => {
    const result = judgeCell(plan, [lifeOf(passing, { asked })], meta)
    expect(result).toMatchObject({ status: 'ok', id: 'debian/noiommu/none', qemu: '11.1.3', splats: [], timings: { bootMs: 2000, agentReadyMs: 2500, casesMs: 100 } })
    expect(result).not.toHaveProperty('because')
    expect(result).not.toHaveProperty('tail')
    expect(result.cases.every(({ unexpected, attempts }) => !unexpected && attempts.length === 1)).toBe(true)
  })

  test.each([
    ['fail', 'fail !'],
    ['timeout', 'timeout !'],
    ['skip', 'skip !'],
  ] as const)('fails when one ended as %s', (outcome, shown) => {
    const result = judgeCell(plan, [lifeOf([start(A), end(A, outcome, { message: 'EBUSY, not EINVAL' }), start(B), end(B)], { asked })], meta)
    expect(outcomes(result)).toEqual({ [A]: shown, [B]: 'pass' })
    expect(result).toMatchObject({ status: 'failed', because: '1 unexpected verdict' })
    expect(caseOf(result, A).message).toBe('EBUSY, not EINVAL')
  })

  test('says which of them are about times', () => {
    const result = judgeCell(planOf([{ ...aCase(A), timed: true }, aCase(B)]), [lifeOf(passing, { asked })], meta)
    expect(caseOf(result, A).timed).toBe(true)
    expect(caseOf(result, B)).not.toHaveProperty('timed')
  })

  test('shows the console around an unexpected case, and only there', () => {
    const events = [start(A), end(A, 'fail'), start(B), end(B)]
    const console = consoleFor(events, { [A]: ['[    2.100000] vfio-pci 0000:02:00.0: resetting'] })
    const result = judgeCell(plan, [lifeOf(events, { asked, console })], meta)
    expect(caseOf(result, A).console).toEqual([
      '[    2.000000] vfio-lab: case start cdev/bind',
      '[    2.100000] vfio-pci 0000:02:00.0: resetting',
      '[    3.000000] vfio-lab: case end cdev/bind',
    ])
    expect(caseOf(result, B)).not.toHaveProperty('console')
  })
})

describe('a kernel that complains', () => {
  test('makes a case that passed a crash', () => {
    const result = judgeCell(plan, [lifeOf(passing, { asked, console: consoleFor(passing, { [A]: WARNING }) })], meta)
    expect(outcomes(result)).toEqual({ [A]: 'crash !', [B]: 'pass' })
    expect(caseOf(result, A).because).toBe('WARNING in iommufd_device_bind')
    expect(result.status).toBe('failed')
  })

  test('does not, when the case provokes it', () => {
    const provoking = planOf([aCase(A, { provokes: ['WARNING: drivers/iommu/iommufd/device.c'] }), aCase(B)])
    const events = [start(A), end(A, 'pass', { newTaint: 1 << 9 }), start(B), end(B)]
    const result = judgeCell(provoking, [lifeOf(events, { asked, console: consoleFor(events, { [A]: WARNING }) })], meta)
    expect(result).toMatchObject({ status: 'ok', splats: [] })
  })

  test('between cases fails the cell though every case passed', () => {
    const result = judgeCell(plan, [lifeOf(passing, { asked, console: consoleFor(passing, { '': WARNING }) })], meta)
    expect(outcomes(result)).toEqual({ [A]: 'pass', [B]: 'pass' })
    expect(result).toMatchObject({ status: 'failed', because: 'WARNING in iommufd_device_bind, while no case ran', splats: [{ atCase: null }] })
    expect(result.tail?.length).toBeGreaterThan(0)
  })

  test('by a new taint alone makes a crash', () => {
    const events = [start(A), end(A, 'pass', { newTaint: (1 << 9) | (1 << 6) }), start(B), end(B)]
    const result = judgeCell(plan, [lifeOf(events, { asked })], meta)
    expect(caseOf(result, A)).toMatchObject({ outcome: 'crash', unexpected: true, because: 'new kernel taint U (USER), W (WARN)' })
  })

  test('about noiommu is what a case that reaches a device has declared, where there is no IOMMU', () => {
    const events = [start(A), end(A, 'pass', { newTaint: 1 << 6 })]
    const life = lifeOf(events, { asked: [A], console: consoleFor(events, { [A]: ['[    2.1] x', '[    2.100000] vfio-pci 0000:02:00.0: Adding kernel taint for vfio-noiommu cdev'] }) })
    const reaching = aCase(A, { needs: { access: 'cdev' } })
    expect(judgeCell(planOf([reaching]), [life], meta).status).toBe('ok')
    expect(judgeCell(planOf([aCase(A)]), [life], meta).status).toBe('failed')
    const behindIommu = { name: 'virtio', iommu: { kind: 'virtio' }, devices: [], memoryMiB: 512, cpus: 1, onRequest: false } as const
    expect(judgeCell(planOf([reaching], built, behindIommu), [life], meta).status).toBe('failed')
  })

  test('about noiommu is no news either while the agent binds its devices', () => {
    const console = consoleFor(passing, { '': ['[    1.900000] vfio-pci 0000:02:00.0: Adding kernel taint for vfio-noiommu group on device'] })
    expect(judgeCell(plan, [lifeOf(passing, { asked, console })], meta).status).toBe('ok')
    const behindIommu = planOf(plan.cases, built, { name: 'virtio', iommu: { kind: 'virtio' }, devices: [], memoryMiB: 512, cpus: 1, onRequest: false })
    expect(judgeCell(behindIommu, [lifeOf(passing, { asked, console })], meta)).toMatchObject({ status: 'failed', because: 'kernel taint for vfio-noiommu group, while no case ran' })
  })
})

describe('a guest that does not reach the end', () => {
  test('by a panic: the running case crashed, the rest ran in the next guest', () => {
    const first = lifeOf([start(A)], { asked, end: { how: 'panic', because: 'panic: Fatal exception' } })
    const second = lifeOf([start(B), end(B)], { asked: [B] })
    const result = judgeCell(plan, [first, second], meta)
    expect(outcomes(result)).toEqual({ [A]: 'crash !', [B]: 'pass' })
    expect(caseOf(result, A).because).toBe('panic: Fatal exception')
    expect(result.timings.casesMs).toBe(200)
  })

  test('by a panic before the start event arrived: the console says which case ran', () => {
    const first = lifeOf([], { asked, console: consoleFor([start(A)]), end: { how: 'panic', because: 'panic: x' } })
    expect(outcomes(judgeCell(plan, [first, lifeOf([start(B), end(B)], { asked: [B] })], meta))).toEqual({ [A]: 'crash !', [B]: 'pass' })
  })

  test('by a case that hangs', () => {
    const first = lifeOf([start(A)], { asked, end: { how: 'case-timeout', caseId: A, limitMs: 15_000 } })
    const result = judgeCell(plan, [first, lifeOf([start(B), end(B)], { asked: [B] })], meta)
    expect(caseOf(result, A)).toMatchObject({ outcome: 'timeout', because: 'no answer within 15 s', durationMs: 15_000 })
  })

  test('by the death of the agent', () => {
    const first = lifeOf([start(A)], { asked, end: { how: 'agent-died', because: 'the agent was killed by SIGSEGV' } })
    const result = judgeCell(plan, [first, lifeOf([start(B), end(B)], { asked: [B] })], meta)
    expect(caseOf(result, A)).toMatchObject({ outcome: 'crash', because: 'the agent was killed by SIGSEGV' })
  })

  test('by a panic while no case ran', () => {
    const life = lifeOf(passing, { asked, end: { how: 'panic', because: 'panic: late' } })
    expect(judgeCell(plan, [life], meta)).toMatchObject({ status: 'failed', because: 'panic: late, while no case ran' })
  })

  test('and whose rest never ran: those cases are unexpected', () => {
    const result = judgeCell(plan, [lifeOf([start(A)], { asked, end: { how: 'panic', because: 'panic: x' } })], meta)
    expect(caseOf(result, B)).toMatchObject({ outcome: 'not-run', unexpected: true, because: 'no guest came to it: panic: x', attempts: [] })
    expect(result.because).toBe('2 unexpected verdicts')
  })

  test('although its agent says that it is done', () => {
    const result = judgeCell(plan, [lifeOf([start(A), end(A)], { asked })], meta)
    expect(caseOf(result, B)).toMatchObject({ outcome: 'not-run', unexpected: true, because: 'planned, but the agent never reported it' })
    expect(result.status).toBe('failed')
  })
})

describe('several attempts', () => {
  test('that agree are one verdict', () => {
    const lives = [lifeOf([start(A), end(A, 'fail')], { asked: [A] }), lifeOf([start(A), end(A, 'fail')], { asked: [A], alone: true })]
    const result = judgeCell(planOf([aCase(A)]), lives, meta)
    expect(caseOf(result, A).attempts).toEqual([{ outcome: 'fail', alone: false }, { outcome: 'fail', alone: true }])
    expect(caseOf(result, A)).not.toHaveProperty('because')
  })

  test('that do not agree are unexpected, and told by the worst', () => {
    const lives = [lifeOf([start(A), end(A, 'fail')], { asked: [A] }), lifeOf([start(A), end(A)], { asked: [A], alone: true })]
    expect(caseOf(judgeCell(planOf([aCase(A)]), lives, meta), A)).toMatchObject({ outcome: 'fail', unexpected: true, because: 'attempts disagree: fail, then pass alone' })
  })
})

describe('a guest that does not boot', () => {
  const console = [
    '[    0.012000] BUG: kernel NULL pointer dereference, address: 0000000000000500',
    '[    0.012000] Oops: Oops: 0000 [#1] SMP',
    '[    0.012000] RIP: 0010:alloc_irq_table+0x42/0x1e0',
    '[    0.012000] ---[ end trace 0000000000000000 ]---',
    '[    0.012000] Kernel panic - not syncing: Attempted to kill the idle task!',
  ]
  test('is the kernel\'s, by its name', () => {
    const result = judgeCell(plan, [lifeOf([], { asked, console, end: { how: 'boot-failed', because: 'panic' } })], meta)
    expect(result).toMatchObject({ status: 'boot-failed', because: 'oops in alloc_irq_table', tail: console })
    expect(caseOf(result, A).because).toBe('the guest did not boot: oops in alloc_irq_table')
    expect(outcomes(result)).toEqual({ [A]: 'not-run !', [B]: 'not-run !' })
  })

  test('is called as it was seen live when only the end of its console is left', () => {
    const life = lifeOf([], { asked, console: console.slice(-1), end: { how: 'boot-failed', because: 'oops in alloc_irq_table' } })
    expect(judgeCell(plan, [life], meta).because).toBe('oops in alloc_irq_table')
  })

  test('and says nothing: what was waited for is told', () => {
    const life = lifeOf([], { asked, console: [], end: { how: 'boot-failed', because: 'no SSH after 60 s' } })
    expect(judgeCell(plan, [life], meta)).toMatchObject({ status: 'boot-failed', because: 'no SSH after 60 s' })
  })

  test('only the second time: the cell failed', () => {
    const lives = [
      lifeOf([start(A), end(A, 'fail')], { asked, end: { how: 'agent-died', because: 'gone' } }),
      lifeOf([], { asked: [B], console: [], end: { how: 'boot-failed', because: 'no SSH after 60 s' } }),
    ]
    expect(judgeCell(plan, lives, meta)).toMatchObject({ status: 'failed', because: '2 unexpected verdicts; a guest did not boot: no SSH after 60 s; gone, while no case ran' })
  })
})

test('a kernel that was not built: build-failed with what was lost, and no case', () => {
  const result = judgeCell({ ...planOf([]), kernel: unbuilt }, [], meta)
  expect(result).toMatchObject({ status: 'build-failed', because: unbuilt.because, configLost: unbuilt.lost, tail: unbuilt.tail, cases: [], timings: { buildMs: 12 } })
})

test('a cell without a case is ok when nothing happened', () => {
  expect(judgeCell(planOf([]), [], meta).status).toBe('ok')
})

describe('what is the lab\'s', () => {
  test.each([
    ['QEMU died', lifeOf([start(A)], { asked, end: { how: 'lab-error', because: 'QEMU died by SIGKILL' } }), /QEMU died by SIGKILL/],
    ['a case nobody asked for', lifeOf([start(A), end(A), start('x/y'), end('x/y')], { asked }), /x\/y, which it was not asked to run/],
    ['an end told twice', lifeOf([start(A), end(A), end(A)], { asked }), /end of cdev\/bind twice/],
    ['an end without a start', lifeOf([end(A)], { asked }), /without its start/],
    ['an agent that cannot work', lifeOf([{ event: 'agent-error', message: 'no koffi' }], { asked }), /no koffi/],
    ['an interrupted run', lifeOf([start(A), end(A)], { asked, end: { how: 'interrupted' } }), /interrupted/],
  ])('%s', (_, life, because) => {
    const result = judgeCell(plan, [life], meta)
    expect(result.status).toBe('lab-error')
    expect(result.because).toMatch(because)
  })

  test('a run that was interrupted before the cell began', () => {
    expect(judgeCell(plan, [], meta)).toMatchObject({ status: 'lab-error', because: 'interrupted' })
  })

  test('a console without the marks of cases that ran is no clean log', () => {
    const result = judgeCell(plan, [lifeOf(passing, { asked, console: consoleFor([start(A), end(A)]) })], meta)
    expect(outcomes(result)).toEqual({ [A]: 'pass', [B]: 'pass' })
    expect(result).toMatchObject({ status: 'lab-error', because: 'the guest\'s console has no mark of ioas/map: what the kernel said while it ran is not known' })
  })

  test('nor is one that dropped messages', () => {
    const console = consoleFor(passing, { [B]: ['[    2.100000] ** 17 printk messages dropped **'] })
    expect(judgeCell(plan, [lifeOf(passing, { asked, console })], meta)).toMatchObject({ status: 'lab-error', because: 'the guest\'s console is not whole: ** 17 printk messages dropped **' })
  })

  test('does not hide what the kernel did in the same cell', () => {
    const life = lifeOf([start(A), end(A, 'fail'), start(B)], { asked, end: { how: 'lab-error', because: 'QEMU died' } })
    expect(judgeCell(plan, [life], meta)).toMatchObject({ status: 'failed', because: '1 unexpected verdict; QEMU died' })
  })
})

describe('the modules that a prebuilt kernel came with', () => {
  const kernel = { ...built, modules: ['/k/00-vfio.ko'] }
  const asked = ['cdev/bind']
  const loading = ['[    1.500000] vfio: loading out-of-tree module taints kernel.', '[    1.500001] vfio: module verification failed: signature and/or required key missing - tainting kernel']
  const dump = ['[    2.100000] CPU: 0 UID: 0 PID: 77 Comm: node Tainted: G           OE       7.3-mine #1']
  const judged = (plan: CellPlan) =>
    judgeCell(plan, [lifeOf([start('cdev/bind'), end('cdev/bind')], { asked, console: consoleFor([start('cdev/bind'), end('cdev/bind')], { '': loading, 'cdev/bind': dump }) })], { qemu: '11.1.3' })

  test('may taint it while they are loaded: that is no verdict', () => {
    expect(judged(planOf([aCase('cdev/bind')], kernel))).toMatchObject({ status: 'ok', splats: [] })
  })

  test('are nobody\'s excuse where there are none', () => {
    expect(judged(planOf([aCase('cdev/bind')])).status).toBe('failed')
  })
})
