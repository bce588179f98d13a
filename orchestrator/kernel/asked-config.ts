import { closest } from 'fastest-levenshtein'
import { yours } from '../host/errors.ts'
import type { NotAskedSymbol } from './built-kernel.ts'
import { configLine } from './dot-config.ts'
import type { FragmentLine } from './fragment.ts'

/** What base and fragments ask of one tree, after conditions and with the last line about each symbol. */
export interface AskedConfig {
  readonly asked: readonly FragmentLine[]
  readonly notAsked: readonly NotAskedSymbol[]
}

/** Which symbols the Kconfig files of a tree define. */
export interface KnownSymbols {
  has(symbol: string): boolean
  /** Every name, for the nearest one to a name that does not exist. */
  names(): readonly string[]
}

/**
 * Merges the base and the fragments for a tree. A conditional line of a symbol that the tree lacks is not asked.
 * The base lists what to leave out of any kernel, newer ones too: there a `=n` for a symbol that is gone is met by its absence.
 * Throws yours/UNKNOWN_SYMBOL for a symbol that no Kconfig of the tree knows.
 */
export const askConfig = (base: readonly FragmentLine[], fragments: readonly FragmentLine[], known: KnownSymbols): AskedConfig => {
  const last = new Map<string, FragmentLine>()
  const notAsked: NotAskedSymbol[] = []
  const take = (line: FragmentLine) => {
    if (line.where !== undefined && !known.has(line.where)) {
      notAsked.push({ symbol: line.symbol, asked: line.value, fragment: line.fragment, where: line.where })
      return
    }
    if (!known.has(line.symbol)) {
      if (line.ofDotConfig === true) return
      throw unknownSymbol(line, known)
    }
    // Delete first: the order of the asked lines is that of the winning ones.
    last.delete(line.symbol)
    last.set(line.symbol, line)
  }
  for (const line of base) if (line.value !== 'n' || known.has(line.symbol)) take(line)
  for (const line of fragments) take(line)
  return { asked: [...last.values()], notAsked }
}

const unknownSymbol = ({ symbol, fragment, line }: FragmentLine, known: KnownSymbols) => {
  const names = known.names()
  return yours('UNKNOWN_SYMBOL', `${fragment}:${line}: no Kconfig of the tree knows CONFIG_${symbol}`, {
    hint: names.length === 0 ? 'the tree defines no symbol at all' : `did you mean CONFIG_${closest(symbol, names)}?`,
  })
}

/** The asked lines as text to be appended to a .config. */
export const askedText = (asked: readonly FragmentLine[]): string =>
  asked.map(({ symbol, value }) => configLine(symbol, value)).join('')
