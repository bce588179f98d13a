import { yours } from '../host/errors.ts'

/** One line of a fragment that asks for something. */
export interface FragmentLine {
  /** Without CONFIG_. */
  readonly symbol: string
  /** As in a .config: `y`, `m`, `n`, a number, or a string with its quotes. */
  readonly value: string
  /** Asked for only when the tree's Kconfig defines this symbol. */
  readonly where: string | undefined
  /** File name of the fragment, without its folder. */
  readonly fragment: string
  /** From 1. */
  readonly line: number
  /** Of a whole .config: what another tree's Kconfig makes of it is taken as it comes, and a symbol that the tree lacks is passed over. */
  readonly ofDotConfig?: true
}

const ASSIGNMENT = /^CONFIG_(\w+)=(y|m|n|-?\d+|0[xX][0-9a-fA-F]+|"(?:[^"\\]|\\.)*")(?:\s+#\s*where\s+(?:CONFIG_)?(\w+)\s+exists)?$/
const NOT_SET = /^#\s*CONFIG_(\w+) is not set(?:\s+#\s*where\s+(?:CONFIG_)?(\w+)\s+exists)?$/

/**
 * The lines of a config fragment, or of a whole .config: `CONFIG_X=value`, `# CONFIG_X is not set` (the same as n), each perhaps followed by
 * `# where Y exists`. Other comments and blank lines say nothing.
 * Throws yours/BAD_FRAGMENT_LINE with `fragment:line` for any other line.
 */
export const parseFragment = (text: string, fragment: string): readonly FragmentLine[] => {
  const origin = isDotConfig(text) ? { fragment, ofDotConfig: true } as const : { fragment }
  return text.split('\n').flatMap((raw, index) => {
    const parsed = parseLine(raw.trim())
    if (parsed === 'nothing') return []
    if (parsed === 'bad') throw badLine(raw.trim(), fragment, index + 1)
    return [{ ...parsed, ...origin, line: index + 1 }]
  })
}

/** The first lines of what Kconfig writes (scripts/kconfig/confdata.c, conf_write). */
export const DOT_CONFIG_HEADER = '#\n# Automatically generated file; DO NOT EDIT.\n'

/** Whether a text is a whole .config, as Kconfig writes it. */
const isDotConfig = (text: string): boolean => text.startsWith(DOT_CONFIG_HEADER)

const parseLine = (line: string): Pick<FragmentLine, 'symbol' | 'value' | 'where'> | 'nothing' | 'bad' => {
  const [, unset, unsetWhere] = NOT_SET.exec(line) ?? []
  if (unset !== undefined) return { symbol: unset, value: 'n', where: unsetWhere }
  if (line === '' || line.startsWith('#')) return 'nothing'
  const [, symbol, value, where] = ASSIGNMENT.exec(line) ?? []
  if (symbol === undefined || value === undefined) return 'bad'
  return { symbol, value, where }
}

const badLine = (line: string, fragment: string, number: number) =>
  yours('BAD_FRAGMENT_LINE', `${fragment}:${number}: not a line of a config fragment: ${JSON.stringify(line.slice(0, 120))}`, {
    hint: 'write CONFIG_X=y|m|n|number|"text", or # CONFIG_X is not set; only "# where SYMBOL exists" may follow on the line',
  })
