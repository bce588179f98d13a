import { configLine, type DotConfig } from '../kernel/dot-config.ts'
import { DOT_CONFIG_HEADER, type FragmentLine } from '../kernel/fragment.ts'
import { symbolsIn } from '../kernel/kconfig-expression.ts'
import type { Kconfig } from '../kernel/kconfig.ts'

/** Two .configs of one tree, and what its Kconfig says of their symbols. */
export interface ConfigEnds {
  readonly good: DotConfig
  readonly bad: DotConfig
  readonly kconfig: Kconfig
}

/** What a .config says of a symbol; `n`: nothing. */
export const valueIn = (config: DotConfig, symbol: string): string => config[symbol] ?? 'n'

/** The symbols that differ and that a person could set, neighbours in the Kconfig files beside each other. */
export const settableDifferences = ({ good, bad, kconfig }: ConfigEnds): readonly string[] =>
  [...new Set([...Object.keys(good), ...Object.keys(bad)])]
    .filter((symbol) => valueIn(good, symbol) !== valueIn(bad, symbol) && canBeSet(symbol, kconfig))
    .map((symbol) => ({ symbol, at: kconfig.definitions(symbol)[0]?.at ?? '' }))
    .toSorted((a, b) => a.at.localeCompare(b.at, 'en', { numeric: true }))
    .map(({ symbol }) => symbol)

const canBeSet = (symbol: string, kconfig: Kconfig): boolean => kconfig.definitions(symbol).some(({ prompt }) => prompt !== 'no')

/**
 * These symbols with all that must be turned with them: a symbol that is turned on needs what it depends on, one that is turned off needs
 * those off that select it.
 */
export const withNeeded = (symbols: readonly string[], { good, bad, kconfig }: ConfigEnds): readonly string[] => {
  const all = new Set(symbols)
  // A set grows while it is walked.
  for (const symbol of all) {
    const needed = valueIn(bad, symbol) === 'n'
      ? kconfig.selects(symbol).filter(({ kind }) => kind === 'select').map(({ by }) => by).filter((by) => valueIn(bad, by) === 'n')
      : kconfig.definitions(symbol).flatMap(({ depends }) => depends).flatMap(symbolsIn).filter((on) => valueIn(bad, on) !== 'n')
    for (const other of needed) if (valueIn(good, other) !== valueIn(bad, other)) all.add(other)
  }
  return [...all].filter((symbol) => canBeSet(symbol, kconfig))
}

/**
 * A whole .config: that of the good end with some symbols as in the bad one. Every other symbol that differs is said too, because one that
 * becomes visible would take its default.
 * @param base the lines that the lab asks for before it
 */
export const turnedConfig = (symbols: readonly string[], { good, bad }: ConfigEnds, base: readonly FragmentLine[]): string => {
  const turned = new Set(symbols)
  const names = new Set([...Object.keys(good), ...Object.keys(bad), ...base.map(({ symbol }) => symbol)])
  const lines = [...names].map((symbol) => configLine(symbol, valueIn(turned.has(symbol) ? bad : good, symbol)))
  return `${DOT_CONFIG_HEADER}${lines.join('')}`
}

/** The difference between two .configs as a fragment over the first: only symbols that a person could set. */
export const differenceFragment = (a: DotConfig, b: DotConfig, kconfig: Kconfig): string =>
  settableDifferences({ good: a, bad: b, kconfig }).map((symbol) => configLine(symbol, valueIn(b, symbol))).join('')
