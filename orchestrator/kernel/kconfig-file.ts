import { type Expression, parseExpression } from './kconfig-expression.ts'

/** A line of a Kconfig file that matters here, in order; help texts, prompts' words and defaults are gone. */
export type KconfigEntry =
  | { readonly kind: 'config'; readonly symbol: string; readonly line: number }
  /** Opens a block whose dependencies hold for all within: `menu`, `if` (with its condition), `choice`. */
  | { readonly kind: 'open'; readonly block: Block; readonly condition: Expression | undefined }
  | { readonly kind: 'close'; readonly block: Block }
  | { readonly kind: 'source'; readonly path: string; readonly optional: boolean; readonly relative: boolean }
  | { readonly kind: 'depends'; readonly on: Expression }
  | { readonly kind: 'prompt'; readonly when: Expression | undefined }
  | { readonly kind: 'select' | 'imply'; readonly symbol: string; readonly when: Expression | undefined }
  /** A comment entry: what follows it belongs to no symbol. */
  | { readonly kind: 'other' }

export type Block = 'menu' | 'if' | 'choice'

/** Reads one Kconfig file (Documentation/kbuild/kconfig-language.rst). Lines that it does not know are passed over. */
export const parseKconfigFile = (text: string): readonly KconfigEntry[] =>
  logicalLines(text).flatMap(({ text: line, number }) => entriesOfLine(line, number))

interface LogicalLine {
  readonly text: string
  readonly number: number
}

/** Joins continued lines and drops help texts: these end at the first line that is indented less than their first one. */
const logicalLines = (text: string): readonly LogicalLine[] => {
  const physical = text.split(/\r?\n/)
  const lines: LogicalLine[] = []
  let helpIndent: number | 'unknown' | undefined
  for (let at = 0; at < physical.length; at++) {
    const raw = physical[at] ?? ''
    if (helpIndent !== undefined) {
      if (raw.trim() === '') continue
      const indent = indentOf(raw)
      if (helpIndent === 'unknown' && indent > 0) helpIndent = indent
      if (helpIndent !== 'unknown' && indent >= helpIndent) continue
      helpIndent = undefined
    }
    const number = at + 1
    let line = raw
    while (line.endsWith('\\') && at + 1 < physical.length) line = `${line.slice(0, -1)} ${physical[++at] ?? ''}`
    const trimmed = line.trim()
    if (/^help\b/.test(trimmed)) helpIndent = 'unknown'
    else if (trimmed !== '' && !trimmed.startsWith('#')) lines.push({ text: trimmed, number })
  }
  return lines
}

const indentOf = (line: string): number => {
  let columns = 0
  for (const char of line) {
    if (char === '\t') columns = (columns & ~7) + 8
    else if (char === ' ') columns += 1
    else break
  }
  return columns
}

const entriesOfLine = (line: string, number: number): readonly KconfigEntry[] => {
  const [, word = '', rest = ''] = /^(\w+)\s*(.*)$/.exec(line) ?? []
  switch (word) {
    case 'config': case 'menuconfig': {
      const symbol = /^\w+/.exec(rest)?.[0]
      return symbol === undefined ? [] : [{ kind: 'config', symbol, line: number }]
    }
    case 'menu': return [{ kind: 'open', block: 'menu', condition: undefined }]
    case 'choice': return [{ kind: 'open', block: 'choice', condition: undefined }]
    case 'if': return [{ kind: 'open', block: 'if', condition: parseExpression(rest)?.expression }]
    case 'endmenu': return [{ kind: 'close', block: 'menu' }]
    case 'endchoice': return [{ kind: 'close', block: 'choice' }]
    case 'endif': return [{ kind: 'close', block: 'if' }]
    case 'source': case 'rsource': case 'osource': case 'orsource': {
      const path = /^"([^"]*)"/.exec(rest)?.[1]
      return path === undefined ? [] : [{ kind: 'source', path, optional: word.startsWith('o'), relative: /^o?r/.test(word) }]
    }
    case 'comment': return [{ kind: 'other' }]
    case 'depends': return dependsOf(rest)
    case 'bool': case 'tristate': case 'int': case 'hex': case 'string': case 'prompt': return promptOf(rest)
    case 'select': case 'imply': return selectOf(word, rest)
    default: return []
  }
}

/** `depends on A if B` asks for A only where B holds. */
const dependsOf = (rest: string): readonly KconfigEntry[] => {
  const parsed = parseExpression(rest.replace(/^on\b/, ''))
  if (parsed === undefined) return []
  const when = conditionOf(parsed.rest)
  if (when === undefined) return [{ kind: 'depends', on: parsed.expression }]
  return [{ kind: 'depends', on: { kind: 'or', left: parsed.expression, right: { kind: 'not', operand: when } } }]
}

const promptOf = (rest: string): readonly KconfigEntry[] => {
  const words = /^(?:"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*')\s*(.*)$/.exec(rest)
  return words === null ? [] : [{ kind: 'prompt', when: conditionOf(words[1] ?? '') }]
}

const selectOf = (kind: 'select' | 'imply', rest: string): readonly KconfigEntry[] => {
  const [, symbol, after = ''] = /^(\w+)\s*(.*)$/.exec(rest) ?? []
  return symbol === undefined ? [] : [{ kind, symbol, when: conditionOf(after) }]
}

const conditionOf = (rest: string): Expression | undefined => {
  const [, condition] = /^if\b(.*)$/.exec(rest) ?? []
  return condition === undefined ? undefined : parseExpression(condition)?.expression
}
