import { createHash } from 'node:crypto'
import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { ConfigSpec, KernelSpec, ResolvedConfig } from '../config/resolved-config.ts'
import { yours } from '../host/errors.ts'
import type { DotConfig } from '../kernel/dot-config.ts'
import type { KernelConfigs } from '../kernel/kernel-configs.ts'
import { type ConfigEnds, differenceFragment, settableDifferences, turnedConfig, valueIn, withNeeded } from './config-symbols.ts'
import type { LabState, StateVerdict } from './lab-state.ts'
import type { Search } from './open-search.ts'
import { smallestSubset } from './smallest-subset.ts'
import type { Place } from './wrong-places.ts'

export interface ConfigQuestion {
  /** The lab; its configs do not matter. */
  readonly config: ResolvedConfig
  readonly kernel: KernelSpec
  readonly good: ConfigSpec
  readonly bad: ConfigSpec
}

export interface TurnedSymbol {
  readonly symbol: string
  readonly was: string
  readonly is: string
}

export interface SmallestConfig {
  readonly places: readonly Place[]
  /** How many symbols differed that a person could set. */
  readonly differed: number
  /** Of these none can be left out. */
  readonly symbols: readonly TurnedSymbol[]
  /** What Kconfig turns with them. */
  readonly needed: readonly TurnedSymbol[]
  /** A fragment over the good config that shows it. */
  readonly fragment: string
}

/** Finds the smallest set of symbols that turns the verdict of the good config into that of the bad one. Throws yours/SAME_CONFIG, NOT_BY_SYMBOLS, CONFIG_LOST. */
export const smallestConfig = async (question: ConfigQuestion, configs: KernelConfigs, search: Search): Promise<SmallestConfig> => {
  const { good, bad, kernel, config } = question
  const stateOf = (id: string, title: string, { fragments }: ConfigSpec): LabState =>
    ({ id, title, config: { ...config, kernels: [kernel], configs: [{ name: good.name, fragments }] } })
  const ends: ConfigEnds = { good: await dotConfigOf(good, configs), bad: await dotConfigOf({ ...bad, name: good.name }, configs), kconfig: configs.kconfig }
  const all = settableDifferences(ends)
  if (all.length === 0) throw yours('SAME_CONFIG', `${good.name} and ${bad.name} give the same .config`, { hint: 'say two configs that differ' })
  const places = await search.judgeEnds(stateOf('good', `config ${good.name}`, good), stateOf('bad', `config ${bad.name}`, bad))

  const folder = join(search.folder, 'configs')
  await mkdir(folder, { recursive: true })
  const known = new Map<string, StateVerdict>([[keyOf(ends.good), 'good'], [keyOf(ends.bad), 'bad']])
  const turn = async (symbols: readonly string[]): Promise<{ readonly spec: ConfigSpec; readonly config: DotConfig | undefined }> => {
    const text = turnedConfig(withNeeded(symbols, ends), ends, configs.base)
    const path = join(folder, `${createHash('sha256').update(text).digest('hex').slice(0, 12)}.config`)
    await writeFile(path, text)
    const spec = { name: good.name, fragments: [path] }
    return { spec, config: (await configs.configure(spec)).facts?.config }
  }
  const test = async (symbols: readonly string[]): Promise<StateVerdict> => {
    const { spec, config: made } = await turn(symbols)
    if (made === undefined) return 'skip'
    const key = keyOf(made)
    const before = known.get(key)
    if (before !== undefined) return before
    const { verdict } = await search.judge(stateOf(key, `${good.name} with ${symbols.length} of ${all.length} symbols turned`, spec), places)
    known.set(key, verdict)
    return verdict
  }
  const tellLeft = (left: number) => { search.onEvent({ event: 'left', left, of: 'symbols', title: `between ${good.name} and ${bad.name}` }) }
  tellLeft(all.length)
  if (await test(all) !== 'bad') {
    throw yours('NOT_BY_SYMBOLS', `${good.name} with all ${all.length} symbols of ${bad.name} that can be set is not bad`, { hint: 'what differs besides is not set by anybody: the compiler, or defaults of Kconfig' })
  }
  const smallest = await smallestSubset(all, test, (subset) => { tellLeft(subset.length) })

  const made = (await turn(smallest)).config ?? ends.good
  const turned = (symbol: string): TurnedSymbol => ({ symbol, was: valueIn(ends.good, symbol), is: valueIn(made, symbol) })
  const fragment = join(search.folder, 'symbols.config')
  await writeFile(fragment, differenceFragment(ends.good, made, configs.kconfig))
  const others = settableDifferences({ ...ends, bad: made }).filter((symbol) => !smallest.includes(symbol))
  return { places, differed: all.length, symbols: smallest.map(turned), needed: others.map(turned), fragment }
}

const dotConfigOf = async (spec: ConfigSpec, configs: KernelConfigs): Promise<DotConfig> => {
  const outcome = await configs.configure(spec)
  if (outcome.facts !== undefined && outcome.status !== 'build-failed') return outcome.facts.config
  throw yours('CONFIG_LOST', `the config ${spec.name} does not come out as it is asked: ${outcome.status === 'build-failed' ? outcome.because : ''}`)
}

/** A config as Kconfig made it, whatever was asked. */
const keyOf = (config: DotConfig): string =>
  `config-${createHash('sha256').update(JSON.stringify(Object.entries(config).toSorted(([a], [b]) => (a < b ? -1 : 1)))).digest('hex').slice(0, 12)}`
