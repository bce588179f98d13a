import { cleanLine } from '../host/clean-text.ts'
import type { LabEvent } from '../run/lab-event.ts'
import { bottomWindow, type Screen } from './bottom-window.ts'
import { cellEndLines } from './cell-summary.ts'
import { finalReport } from './final-report.ts'
import { resultsFold } from './fold-results.ts'
import { painter, terminalKind, type Paint } from './paint.ts'
import { plainLines } from './plain-lines.ts'
import { advance, NO_PROGRESS } from './progress.ts'
import { progressLines } from './progress-lines.ts'
import type { Reporter } from './reporter.ts'
import type { SourceArgs } from './rerun-command.ts'

export interface TerminalOptions {
  readonly stream: Screen & { readonly isTTY?: boolean }
  readonly env: Readonly<Record<string, string | undefined>>
  /** The run folder, as the user may type it. */
  readonly runDir: string
  readonly sourceArgs: SourceArgs
}

/** For a person: a window at the bottom of a terminal, or plain lines; at the end the matrix and all that went wrong. */
export const terminal = ({ stream, env, runDir, sourceArgs }: TerminalOptions): Reporter => {
  // `lab run | head`: that nobody reads any more is no reason to stop.
  stream.on?.('error', () => undefined)
  const { color, live } = terminalKind(stream.isTTY ?? false, env)
  const paint = painter(color)
  const view = live ? liveView(stream, paint) : plainView(stream, paint)
  const fold = resultsFold()
  return {
    name: 'terminal',
    onEvent: (event) => {
      fold.onEvent(event)
      view.onEvent(event)
    },
    onEnd: () => {
      view.close()
      const results = fold.results()
      if (results === undefined) return
      const lines = finalReport({ results, runDir, sourceArgs, columns: stream.columns ?? 120, paint })
      stream.write(`${lines.join('\n')}\n`)
    },
  }
}

/**
 * For a person who waits for one of many runs: the window at the bottom of a terminal while it goes on; nothing stays of it but the notices.
 * @param told notices that were told already, and need not be again; grows
 */
export const progressWindow = ({ stream, env }: Pick<TerminalOptions, 'stream' | 'env'>, told: Set<string>): Reporter => {
  const { color, live } = terminalKind(stream.isTTY ?? false, env)
  const view: View = live ? liveView(stream, painter(color), false) : {
    onEvent: (event) => { if (event.event === 'notice') stream.write(`${cleanLine(event.text, 400)}\n`) },
    close: () => undefined,
  }
  return {
    name: 'terminal',
    onEvent: (event) => {
      if (event.event === 'notice') {
        if (told.has(event.text)) return
        told.add(event.text)
      }
      view.onEvent(event)
    },
    onEnd: () => { view.close() },
  }
}

interface View {
  onEvent(event: LabEvent): void
  close(): void
}

const plainView = (stream: Screen, paint: Paint): View => {
  const lines = plainLines(paint)
  return { onEvent: (event) => { for (const line of lines(event)) stream.write(`${line}\n`) }, close: () => undefined }
}

const liveView = (stream: Screen, paint: Paint, tellCells = true): View => {
  let progress = NO_PROGRESS
  // Event times count from the run's start; between two events the clock goes on.
  let [lastEventMs, lastEventAt] = [0, performance.now()]
  const window = bottomWindow(stream, (columns) => progressLines(progress, lastEventMs + performance.now() - lastEventAt, columns, paint))
  const clock = setInterval(() => { window.touch() }, 1000).unref()
  return {
    onEvent: (event) => {
      [lastEventMs, lastEventAt] = [event.atMs, performance.now()]
      progress = advance(progress, event)
      if (event.event === 'notice') window.print(cleanLine(event.text, 400))
      if (tellCells && event.event === 'cell-end') for (const line of cellEndLines(event.result, paint)) window.print(line)
      window.touch()
    },
    close: () => {
      clearInterval(clock)
      window.close()
    },
  }
}
