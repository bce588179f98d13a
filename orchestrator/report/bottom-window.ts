/** What is needed of a terminal or a pipe: process.stdout has it. */
export interface Screen {
  write(text: string): unknown
  readonly columns?: number
  readonly rows?: number
  on?(event: 'error', listener: (error: Error) => void): unknown
}

/** Lines that stay, above a window that is painted again and again. */
export interface BottomWindow {
  /** A line that stays and scrolls away upwards with time. */
  print(line: string): void
  /** Something changed: paint within REPAINT_MS. */
  touch(): void
  /** Paints a last time what was printed, and takes the window away. */
  close(): void
}

/** At most ten times a second. */
const REPAINT_MS = 100

const ERASE_TO_END = '\u001b[0J'
const cursorUp = (lines: number) => (lines === 0 ? '' : `\u001b[${lines}A`)

/**
 * A window at the bottom of a terminal. `render` gives its lines, none wider than the terminal: a line that wraps would take more
 * room than is erased. It is called at each painting only, however often something changes.
 */
export const bottomWindow = (screen: Screen, render: (columns: number) => readonly string[]): BottomWindow => {
  let height = 0
  let printed: string[] = []
  let timer: NodeJS.Timeout | undefined

  const paint = (window: readonly string[]) => {
    clearTimeout(timer)
    timer = undefined
    const lines = [...printed, ...window]
    screen.write(`\r${cursorUp(height)}${ERASE_TO_END}${lines.map((line) => `${line}\n`).join('')}`)
    height = window.length
    printed = []
  }
  const paintNow = () => { paint(render(screen.columns ?? 80).slice(0, Math.max(1, (screen.rows ?? 24) - 2))) }
  const touch = () => { timer ??= setTimeout(paintNow, REPAINT_MS).unref() }

  return {
    print: (line) => {
      printed.push(line)
      touch()
    },
    touch,
    close: () => { paint([]) },
  }
}
