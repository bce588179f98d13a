import type { KernelOutcome } from '../kernel/built-kernel.ts'
import type { KconfigAsk, Symbols } from '../plan/plan.ts'

interface Answer {
  readonly outcome: 'pass' | 'fail'
  /** What was asked, what came of it and why. */
  readonly message?: string
}

export interface KconfigVerdict extends Answer {
  readonly durationMs: number
}

/** Of the cases of a cell that are put to its tree, by their ids. */
export interface KconfigAnswers {
  readonly verdicts: ReadonlyMap<string, KconfigVerdict>
  /** What kept the lab from asking the rest. */
  readonly because?: string
}

/** @param outcomes what olddefconfig made of each of `asks` */
export const judgeKconfig = (asks: readonly KconfigAsk[], outcomes: readonly KernelOutcome[]): Answer => {
  const wrong = asks.flatMap((ask, index) => wrongWith(ask, outcomes[index]))
  return wrong.length === 0 ? { outcome: 'pass' } : { outcome: 'fail', message: wrong.join('\n') }
}

const wrongWith = (ask: KconfigAsk, outcome: KernelOutcome | undefined): readonly string[] => {
  const asked = `asked for ${symbolsText(ask.asks)}`
  if (outcome?.facts === undefined) return [`${asked}: ${outcome?.status === 'build-failed' ? outcome.because : 'nothing came of it'}`]
  const { config } = outcome.facts
  const lacks = new Set(outcome.notAsked.map(({ symbol }) => symbol))
  const wanted = ask.older !== undefined && lacks.has(NEWER) ? ask.older : ask.becomes
  const lost = outcome.status === 'build-failed' ? outcome.lost : []
  const wrong = Object.entries(wanted).flatMap(([symbol, value]) => {
    const got = config[symbol] ?? 'n'
    if (got === value) return []
    const why = lacks.has(symbol) ? 'no Kconfig file defines it' : lost.find((one) => one.symbol === symbol)?.unmet
    return [`${symbol} is ${got} and must be ${value}${why === undefined ? '' : ` (${why})`}`]
  })
  return wrong.length === 0 ? [] : [`${asked}: ${wrong.join(', ')}`]
}

/** Since Linux 7.3 noiommu is of cdevs as well, and needs it for that. */
const NEWER = 'IOMMUFD_NOIOMMU'

const symbolsText = (symbols: Symbols): string => Object.entries(symbols).map(([symbol, value]) => `${symbol}=${value}`).join(' ')
