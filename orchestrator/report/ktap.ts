import { mkdirSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { cleanLine } from '../host/clean-text.ts'
import type { CaseResult, CellResult } from '../verdict/results.ts'
import { cellPath } from './cell-path.ts'
import type { Reporter } from './reporter.ts'

/** `ktap/<kernel>/<config>/<machine>.ktap`, written when the cell ends. */
export const ktap = (runDir: string): Reporter => ({
  name: 'ktap',
  onEvent: (event) => {
    if (event.event !== 'cell-end') return
    const path = join(runDir, 'ktap', `${cellPath(event.cell)}.ktap`)
    mkdirSync(dirname(path), { recursive: true })
    writeFileSync(path, ktapText(event.result))
  },
})

/**
 * One cell as KTAP version 1 (Documentation/dev-tools/ktap.rst). `ok` is a verdict, not an outcome: what was expected is ok.
 *
 * Absent cases are listed, as `ok N id # SKIP absent: reason`: whoever compares two kernels sees a case go absent, and a reader that
 * counts passes does not count it. A skip that was not planned is no SKIP line, because readers take `not ok ... # SKIP` for
 * harmless: it is an ERROR.
 */
export const ktapText = (cell: CellResult): string => {
  const tests = [
    ...wholeCell(cell),
    ...cell.cases.map((result) => caseTest(result, cell)),
    ...cell.absent.map(({ id, because }) => ({ ok: true, id, directive: `SKIP absent: ${because}`, diagnostics: [] })),
  ]
  const lines = tests.flatMap(({ ok, id, directive, diagnostics }, index) => [
    ...diagnostics.map(diagnosticLine).filter((line) => !ENDS_KTAP.test(line)),
    `${ok ? 'ok' : 'not ok'} ${index + 1} ${plain(id)}${directive === undefined ? '' : ` # ${plain(directive)}`}`,
  ])
  const about = diagnosticLine(`cell ${cell.id}, kernel ${cell.kernel.release}, ${cell.qemu}`)
  return `${['KTAP version 1', `1..${tests.length}`, about, ...lines].join('\n')}\n`
}

interface KtapTest {
  readonly ok: boolean
  readonly id: string
  readonly directive: string | undefined
  readonly diagnostics: readonly string[]
}

// What is wrong with the cell and shows in none of its cases must not look like a clean log.
const wholeCell = (cell: CellResult): readonly KtapTest[] => {
  if (cell.status === 'ok' || (cell.status === 'failed' && cell.cases.some(({ unexpected }) => unexpected))) return []
  const splats = cell.splats.filter(({ atCase }) => atCase === null).flatMap(({ title, lines }) => [title, ...lines])
  const because = cell.because ?? cell.splats[0]?.title ?? 'see the console'
  return [{ ok: false, id: 'cell', directive: `ERROR ${cell.status}: ${because}`, diagnostics: [...splats, ...(cell.tail ?? [])] }]
}

const caseTest = (result: CaseResult, cell: CellResult): KtapTest => {
  const { id, unexpected } = result
  const diagnostics = unexpected
    ? [
        ...(result.message?.split('\n') ?? []),
        ...cell.splats.filter(({ atCase }) => atCase === id).flatMap(({ title, lines }) => [title, ...lines]),
        ...(result.console ?? []),
      ].map((line) => `${id}: ${line}`)
    : []
  return { ok: !unexpected, id, directive: directiveOf(result), diagnostics }
}

const directiveOf = ({ outcome, expected, unexpected, because, durationMs }: CaseResult): string | undefined => {
  const why = because === undefined ? '' : `: ${because}`
  if (!unexpected) {
    if (outcome === 'pass') return undefined
    return outcome === 'skip' ? `SKIP${why}` : `XFAIL ${outcome}, as expected${why}`
  }
  switch (outcome) {
    case 'pass': return `ERROR passed, expected ${expected}${why}`
    case 'fail': return because
    case 'timeout': return `TIMEOUT after ${durationMs} ms${why}`
    case 'skip': return `ERROR skipped although planned${why}`
    case 'crash': return `ERROR crash${why}`
    case 'not-run': return `ERROR not run${why}`
  }
}

// kunit.py stops reading at these, wherever in a line they stand (KTAP_END in kunit_parser.py).
const ENDS_KTAP = /List of all partitions:|Kernel panic - not syncing: VFS:|reboot: System halted/

// Three spaces: a diagnostic line never reads as `# Subtest: `.
const diagnosticLine = (text: string) => `#   ${cleanLine(text)}`

// A second hash could start a directive of its own.
const plain = (text: string) => cleanLine(text).replaceAll('#', '.')
