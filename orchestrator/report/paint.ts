import { styleText } from 'node:util'

/** The few looks that a report has; each means one thing. */
export type Look = 'good' | 'bad' | 'odd' | 'quiet' | 'strong'

export type Paint = (look: Look, text: string) => string

const FORMATS = { good: 'green', bad: ['red', 'bold'], odd: 'yellow', quiet: 'dim', strong: 'bold' } as const satisfies Record<Look, unknown>

export const painter = (color: boolean): Paint =>
  (look, text) => (color && text !== '' ? styleText([FORMATS[look]].flat(), text, { validateStream: false }) : text)

export interface TerminalKind {
  /** Escape sequences for colours are welcome. */
  readonly color: boolean
  /** The cursor may go up: a window at the bottom can be repainted. */
  readonly live: boolean
}

/** What may be written to a stream: https://no-color.org, FORCE_COLOR, and CI, whose logs keep every repainting. */
export const terminalKind = (isTTY: boolean, env: Readonly<Record<string, string | undefined>>): TerminalKind => {
  const set = (name: string) => env[name] !== undefined && env[name] !== ''
  const terminal = isTTY && env['TERM'] !== 'dumb'
  const forced = set('FORCE_COLOR') && env['FORCE_COLOR'] !== '0' && env['FORCE_COLOR'] !== 'false'
  const refused = set('NO_COLOR') || (set('FORCE_COLOR') && !forced)
  return { color: !refused && (forced || terminal), live: terminal && (!set('CI') || env['CI'] === 'false') }
}
