import type { LabEvent, LabEventBody } from '../../../orchestrator/run/lab-event.ts'
import type { CaseResult, CellResult, Results, Splat } from '../../../orchestrator/verdict/results.ts'

/** A run of two configs on three machines in which everything that a report must tell happens once. No guest was started for it. */
export const fakeRun = (): readonly LabEvent[] => {
  const cells = [fine('noiommu', 'none'), crashed('noiommu', 'intel'), fine('no-container', 'none'), bootFailed, ...['none', 'intel'].map(buildFailed)]
  const planned = cells.reduce((sum, { cases }) => sum + cases.length, 0)
  return timed([
    { event: 'run-start', id: '20261120-141503-9f3a', startedAt: '2026-11-20T14:15:03.000Z' },
    { event: 'notice', text: 'tcg, because /dev/kvm does not exist' },
    { event: 'kernel-progress', kernel: 'debian', progress: { phase: 'source', text: 'unpacking linux-source-7.3' } },
    { event: 'kernel-progress', kernel: 'debian', progress: { phase: 'configure', config: 'noiommu' } },
    { event: 'kernel-progress', kernel: 'debian', progress: { phase: 'compile', config: 'noiommu', objects: 812 } },
    { event: 'kernel-progress', kernel: 'debian', progress: { phase: 'stored', config: 'noiommu', buildMs: 452_000, fromStore: false } },
    { event: 'kernel-progress', kernel: 'debian', progress: { phase: 'stored', config: 'no-container', buildMs: 0, fromStore: true } },
    { event: 'plan', cells: cells.map(({ id, cases, absent }) => ({ id, planned: cases.length, absent: absent.length })), planned, excluded },
    ...cells.toReversed().flatMap(cellEvents),
    { event: 'run-end', results: runEnd(cells, planned) },
  ])
}

const timed = (bodies: readonly LabEventBody[]): readonly LabEvent[] => bodies.map((body, index) => ({ atMs: index * 700, ...body }))

const excluded = [{ id: 'debian/iommufd/virtio', because: 'not of interest today' }]

const cellEvents = (result: CellResult): readonly LabEventBody[] => [
  { event: 'cell-start', cell: result.id },
  ...(result.status === 'build-failed' ? [] : [{ event: 'boot', cell: result.id, attempt: 1 } as const]),
  ...(failed(result) ? [] : [{ event: 'agent-ready', cell: result.id, afterMs: 3120 } as const]),
  ...result.cases.flatMap(({ id, outcome, durationMs, message }): readonly LabEventBody[] => {
    if (outcome === 'not-run') return []
    const start = { event: 'case-start', cell: result.id, id } as const
    return outcome === 'crash' ? [start] : [start, { event: 'case-end', cell: result.id, id, outcome, durationMs, ...(message === undefined ? {} : { message }) }]
  }),
  ...result.splats.map((splat) => ({ event: 'splat', cell: result.id, splat }) as const),
  { event: 'cell-end', cell: result.id, result },
]

const failed = ({ status }: CellResult) => status === 'build-failed' || status === 'boot-failed'

const cell = (config: string, machine: string, more: Partial<CellResult> & Pick<CellResult, 'status' | 'cases'>): CellResult => ({
  id: `debian/${config}/${machine}`,
  kernel: { name: 'debian', release: '7.3.0-rc7', patches: [] },
  config,
  machine,
  timings: { buildMs: 0, bootMs: 2900, agentReadyMs: 3120, casesMs: 4400 },
  splats: [],
  absent: [],
  qemu: 'QEMU 11.1.3',
  configLost: [],
  configNotAsked: [],
  ...more,
})

export const result = (id: string, more: Partial<CaseResult> = {}): CaseResult => ({
  id, suite: id.split('/')[0] ?? '', outcome: 'pass', expected: 'pass', unexpected: false, durationMs: 12, attempts: [{ outcome: 'pass', alone: false }], ...more,
})

const fine = (config: string, machine: string) => cell(config, machine, {
  status: 'ok',
  cases: [result('cdev/open'), result('ioas/map', { measures: { pages: 512 }, timed: true })],
  absent: [{ id: 'group/open', because: 'VFIO_GROUP is not set' }],
  configNotAsked: config === 'no-container' ? [{ symbol: 'VFIO_NOIOMMU', asked: 'y', fragment: 'noiommu.config', where: 'IOMMUFD_NOIOMMU' }] : [],
})

const splat: Splat = {
  kind: 'warning',
  title: 'WARNING in iommufd_device_bind',
  atCase: 'cdev/bind-twice',
  lines: ['WARNING: CPU: 0 PID: 71 at drivers/iommu/iommufd/device.c:271', 'Call Trace:', ' vfio_df_ioctl_bind_iommufd+0x1a2/0x2d0'],
}

const crashed = (config: string, machine: string) => cell(config, machine, {
  status: 'failed',
  splats: [splat],
  cases: [
    result('cdev/open'),
    result('cdev/bind-twice', { outcome: 'crash', unexpected: true, attempts: [{ outcome: 'crash', alone: false }] }),
    result('ioas/map', {
      outcome: 'fail', unexpected: true, message: 'IOMMU_IOAS_MAP at 0x1000:\nexpected EEXIST\ngot 0 # and no more', console: ['iommufd: something odd'],
      attempts: [{ outcome: 'fail', alone: false }],
    }),
    result('irq/msi', { outcome: 'timeout', unexpected: true, durationMs: 5000 }),
    result('irq/intx', { outcome: 'skip', unexpected: true, because: 'no INTx pin' }),
    result('reset/bus', { outcome: 'not-run', unexpected: true, durationMs: 0, attempts: [] }),
    result('fault/unmapped', { outcome: 'crash', expected: 'crash', because: 'the case provokes it' }),
  ],
})

const bootFailed = cell('no-container', 'intel', {
  status: 'boot-failed',
  because: 'panic before the agent answered: oops in alloc_irq_table',
  timings: { buildMs: 0, bootMs: 1900, agentReadyMs: 0, casesMs: 0 },
  tail: ['BUG: kernel NULL pointer dereference, address: 0000000000000018', 'Kernel panic - not syncing: Fatal exception'],
  cases: [result('cdev/open', { outcome: 'not-run', unexpected: true, durationMs: 0, attempts: [] })],
})

const buildFailed = (machine: string) => cell('iommufd', machine, {
  status: 'build-failed',
  because: 'a symbol that was asked for is lost',
  timings: { buildMs: 9000, bootMs: 0, agentReadyMs: 0, casesMs: 0 },
  configLost: [{ symbol: 'IOMMUFD_VFIO_CONTAINER', asked: 'y', got: 'n', fragment: 'iommufd-container.config', unmet: 'VFIO_GROUP (=n)' }],
  cases: [],
})

const runEnd = (cells: readonly CellResult[], planned: number): Omit<Results, 'cells'> => {
  const count = (outcome: string) => cells.flatMap(({ cases }) => cases).filter((one) => one.outcome === outcome).length
  return {
    schemaVersion: 1,
    id: '20261120-141503-9f3a',
    startedAt: '2026-11-20T14:15:03.000Z',
    durationMs: 118_300,
    accel: { used: 'tcg', because: '/dev/kvm does not exist' },
    interrupted: false,
    summary: {
      cells: cells.length, planned, ran: planned - count('skip') - count('not-run'), pass: count('pass'), fail: count('fail'), skip: count('skip'),
      timeout: count('timeout'), crash: count('crash'), unexpected: 8,
    },
    excluded,
    versions: { lab: '0.1.0', qemu: '11.1.3', gcc: '14.2.0' },
  }
}
