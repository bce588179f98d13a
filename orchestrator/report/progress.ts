import type { LabEvent } from '../run/lab-event.ts'

interface BuildProgress {
  readonly objects: number
  readonly sinceMs: number
}

export interface CellProgress {
  readonly id: string
  readonly planned: number
  readonly done: number
  /** Cases that ended otherwise than with pass. */
  readonly notPassed: number
  readonly phase: 'booting' | 'running'
  /** Boots of this cell so far. */
  readonly attempt: number
  readonly sinceMs: number
  readonly running: string | undefined
}

/** How far a run is. */
export interface Progress {
  /** By `kernel/config`. */
  readonly builds: ReadonlyMap<string, BuildProgress>
  readonly source: string | undefined
  /** Cells with a guest now. */
  readonly cells: ReadonlyMap<string, CellProgress>
  readonly planned: ReadonlyMap<string, number>
  readonly cellsDone: number
  readonly casesDone: number
  readonly casesPlanned: number
  readonly unexpected: number
}

export const NO_PROGRESS: Progress = {
  builds: new Map(), source: undefined, cells: new Map(), planned: new Map(), cellsDone: 0, casesDone: 0, casesPlanned: 0, unexpected: 0,
}

export const advance = (before: Progress, event: LabEvent): Progress => {
  switch (event.event) {
    case 'kernel-progress': return { ...before, ...built(before, event) }
    case 'plan':
      return { ...before, builds: new Map(), source: undefined, casesPlanned: event.planned, planned: new Map(event.cells.map(({ id, planned }) => [id, planned])) }
    case 'boot': return withCell(before, event.cell, (cell) => ({ ...cell, phase: 'booting', attempt: event.attempt, sinceMs: event.atMs }), event.atMs)
    case 'agent-ready': return withCell(before, event.cell, (cell) => ({ ...cell, phase: 'running', sinceMs: event.atMs }), event.atMs)
    case 'case-start': return withCell(before, event.cell, (cell) => ({ ...cell, phase: 'running', running: event.id }), event.atMs)
    case 'case-end':
      return withCell({ ...before, casesDone: before.casesDone + 1 }, event.cell, (cell) => ({
        ...cell, done: cell.done + 1, notPassed: cell.notPassed + (event.outcome === 'pass' ? 0 : 1), running: undefined,
      }), event.atMs)
    case 'cell-end': {
      const { status, cases } = event.result
      const unexpected = cases.filter((result) => result.unexpected).length
      const seen = before.cells.get(event.cell)?.done ?? 0
      return {
        ...before,
        cells: new Map([...before.cells].filter(([id]) => id !== event.cell)),
        cellsDone: before.cellsDone + 1,
        // A case that crashed or did not run has no end of its own: the cell is through with it all the same.
        casesDone: before.casesDone - seen + (before.planned.get(event.cell) ?? seen),
        unexpected: before.unexpected + (unexpected === 0 && status !== 'ok' ? 1 : unexpected),
      }
    }
    case 'run-start':
    case 'notice':
    case 'cell-start':
    case 'splat':
    case 'run-end': return before
  }
}

const withCell = (before: Progress, id: string, change: (cell: CellProgress) => CellProgress, atMs: number): Progress => {
  const cell = before.cells.get(id) ?? {
    id, planned: before.planned.get(id) ?? 0, done: 0, notPassed: 0, phase: 'booting', attempt: 1, sinceMs: atMs, running: undefined,
  }
  return { ...before, cells: new Map([...before.cells, [id, change(cell)]]) }
}

const built = (before: Progress, { kernel, progress, atMs }: LabEvent & { event: 'kernel-progress' }): Partial<Progress> => {
  if (progress.phase === 'source') return { source: `${kernel}: ${progress.text}` }
  const name = `${kernel}/${progress.config}`
  const known = before.builds.get(name)
  const builds = new Map(before.builds)
  switch (progress.phase) {
    case 'configure':
      builds.set(name, { objects: 0, sinceMs: atMs })
      break
    case 'compile':
      builds.set(name, { objects: progress.objects, sinceMs: known?.sinceMs ?? atMs })
      break
    case 'stored':
    case 'failed':
      builds.delete(name)
      break
  }
  return { source: undefined, builds }
}
