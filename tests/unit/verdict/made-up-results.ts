import type { CaseResult, CellResult, Outcome, Results, Splat } from '../../../orchestrator/verdict/results.ts'

export const caseOf = (id: string, outcome: Outcome = 'pass', more: Partial<CaseResult> = {}): CaseResult => ({
  id, suite: 'a', outcome, expected: 'pass', unexpected: outcome !== 'pass', durationMs: 5, attempts: [{ outcome, alone: false }], ...more,
})

export const splatOf = (title: string, atCase: string | null): Splat => ({ kind: 'warning', title, atCase, lines: [] })

export const cellOf = (cases: readonly CaseResult[], more: Partial<CellResult> = {}): CellResult => ({
  id: 'debian/noiommu/intel', kernel: { name: 'debian', release: '7.3.0', patches: [] }, config: 'noiommu', machine: 'intel',
  status: cases.some(({ unexpected }) => unexpected) ? 'failed' : 'ok', timings: { buildMs: 0, bootMs: 1, agentReadyMs: 2, casesMs: 3 },
  splats: [], absent: [], qemu: '11', configLost: [], configNotAsked: [], cases, ...more,
})

export const runOf = (cells: readonly CellResult[], more: Partial<Results> = {}): Results => ({
  schemaVersion: 1, id: 'run', startedAt: '2026-11-22T00:00:00.000Z', durationMs: 1, accel: { used: 'tcg', because: '' }, interrupted: false,
  summary: { cells: cells.length, planned: 0, ran: 0, pass: 0, fail: 0, skip: 0, timeout: 0, crash: 0, unexpected: 0 }, excluded: [], versions: {}, cells, ...more,
})
