import type { LostSymbol } from './built-kernel.ts'
import type { DotConfig } from './dot-config.ts'
import type { FragmentLine } from './fragment.ts'
import { conjuncts, evaluate, type Expression, show } from './kconfig-expression.ts'
import type { Kconfig, KconfigDefinition, KconfigSelect } from './kconfig.ts'

/** What a fragment asked for and did not come out of olddefconfig. `n` is met by absence; a forced y, or y for an asked m, is a loss too. */
export const lostSymbols = (asked: readonly FragmentLine[], config: DotConfig, kconfig: Kconfig): readonly LostSymbol[] =>
  asked.flatMap(({ symbol, value, fragment, ofDotConfig }) => {
    const got = config[symbol] ?? 'n'
    return got === value || ofDotConfig === true ? [] : [{ symbol, asked: value, got, fragment, unmet: whyNot(symbol, value, got, config, kconfig) }]
  })

const whyNot = (symbol: string, asked: string, got: string, config: DotConfig, kconfig: Kconfig): string => {
  if (asked === 'n') return whyForced(symbol, config, kconfig)
  const definitions = kconfig.definitions(symbol)
  if (definitions.length === 0) return 'only Kconfig files of other architectures define it'
  const unmet = definitions.map((definition) => unmetOf(definition, asked, config))
  // Several definitions: one that holds is enough, so the nearest to that says most.
  const nearest = unmet.toSorted((a, b) => a.length - b.length)[0] ?? []
  if (nearest.length > 0) return nearest.map((part) => show(part, config)).join(' and ')
  if (definitions.every(({ prompt }) => prompt === 'no')) return noPrompt(symbol, config, kconfig)
  if (definitions.some(({ inChoice }) => inChoice)) return 'another member of its choice was taken'
  if (asked === 'm' && got === 'y') return config['MODULES'] === undefined ? 'MODULES (=n)' : whyForced(symbol, config, kconfig)
  return `its dependencies hold; Kconfig made it ${got}`
}

/** The dependencies, and the condition of the prompt, that keep a definition below what was asked. */
const unmetOf = (definition: KconfigDefinition, asked: string, config: DotConfig): readonly Expression[] => {
  const prompt = definition.prompt === 'no' || definition.prompt.when === undefined ? [] : [definition.prompt.when]
  const needed = asked === 'm' ? 1 : 2
  return [...definition.depends, ...prompt].flatMap(conjuncts).filter((part) => {
    const value = evaluate(part, config)
    return value !== undefined && value < needed
  })
}

const noPrompt = (symbol: string, config: DotConfig, kconfig: Kconfig): string => {
  const selects = kconfig.selects(symbol).filter(({ kind }) => kind === 'select')
  if (selects.length === 0) return 'it has no prompt and nothing selects it'
  const shown = selects.slice(0, 4).map((select) => showSelect(select, config))
  const more = selects.length > shown.length ? ` or ${selects.length - shown.length} more` : ''
  return `it has no prompt: only a select sets it, by ${shown.join(' or ')}${more}`
}

const showSelect = ({ by, when }: KconfigSelect, config: DotConfig): string =>
  `${by} (=${config[by] ?? 'n'})${when === undefined ? '' : ` if ${show(when, config)}`}`

const whyForced = (symbol: string, config: DotConfig, kconfig: Kconfig): string => {
  const selected = kconfig.selects(symbol).filter(({ kind, by, when }) =>
    kind === 'select' && config[by] !== undefined && (when === undefined || evaluate(when, config) !== 0))
  if (selected.length > 0) return `selected by ${selected.map((select) => showSelect(select, config)).join(' and ')}`
  const prompts = kconfig.definitions(symbol).map(({ prompt }) => prompt)
  if (prompts.every((prompt) => prompt === 'no')) return 'it has no prompt: its default sets it'
  const isHidden = (prompt: KconfigDefinition['prompt']) =>
    prompt !== 'no' && prompt.when !== undefined && evaluate(prompt.when, config) === 0
  if (prompts.some(isHidden)) return 'its prompt is hidden: its default sets it'
  return 'nothing selects it; Kconfig made it so by a default or a choice'
}
