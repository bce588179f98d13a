import { mkdirSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { finalReport } from '../../orchestrator/report/final-report.ts'
import { foldResults } from '../../orchestrator/report/fold-results.ts'
import { painter } from '../../orchestrator/report/paint.ts'
import { readEvents } from '../../orchestrator/report/read-events.ts'
import { terminalSvg } from './terminal-svg.ts'

/**
 * Draws the end of a run for the README, out of its events: `node tests/readme/picture.ts [RUN_DIR [FILE]]`.
 * The picture says what the run said, because the same code writes both.
 */
const COLUMNS = 100

const runDir = process.argv[2] ?? '.lab/runs/latest'
const results = foldResults(readEvents(join(runDir, 'events.ndjson')))
const lines = finalReport({ results, runDir: `.lab/runs/${results.id}`, sourceArgs: { patches: [] }, columns: COLUMNS, paint: painter(true) })
const out = process.argv[3] ?? join(import.meta.dirname, '..', '..', 'docs', 'run.svg')
mkdirSync(dirname(out), { recursive: true })
writeFileSync(out, terminalSvg(['$ ./lab run', ...lines], COLUMNS))
