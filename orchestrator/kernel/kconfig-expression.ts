import type { DotConfig } from './dot-config.ts'

export type Comparison = '=' | '!=' | '<' | '<=' | '>' | '>='

/** An expression of Kconfig (Documentation/kbuild/kconfig-language.rst, "Menu dependencies"). */
export type Expression =
  | { readonly kind: 'symbol'; readonly name: string }
  /** y, m, n, a number or a quoted string. */
  | { readonly kind: 'constant'; readonly text: string }
  /** `$(cc-option,...)`: what it gives depends on the compiler. */
  | { readonly kind: 'macro'; readonly text: string }
  | { readonly kind: 'not'; readonly operand: Expression }
  | { readonly kind: 'and' | 'or'; readonly left: Expression; readonly right: Expression }
  | { readonly kind: 'compare'; readonly operator: Comparison; readonly left: Expression; readonly right: Expression }

type Token = { readonly kind: 'word' | 'string' | 'macro' | 'operator'; readonly text: string }

/** The rest after the expression is for the caller: `if ...` or nothing. Undefined when the text does not begin with one. */
export const parseExpression = (text: string): { readonly expression: Expression; readonly rest: string } | undefined => {
  const reader = tokenReader(text)
  const expression = parseOr(reader)
  return expression === undefined ? undefined : { expression, rest: reader.rest() }
}

interface TokenReader {
  peek(): Token | undefined
  /** The next token when it is this operator. */
  take(...operators: readonly string[]): string | undefined
  next(): Token | undefined
  rest(): string
}

const OPERATOR = /^(\|\||&&|!=|<=|>=|[=<>!()])/
const WORD = /^[A-Za-z0-9_-]+/

const tokenReader = (text: string): TokenReader => {
  let left = text.trimStart()
  const peek = () => tokenAt(left)
  const next = () => {
    const token = peek()
    if (token !== undefined) left = left.slice(token.text.length).trimStart()
    return token
  }
  const take = (...operators: readonly string[]) => {
    const token = peek()
    return token?.kind === 'operator' && operators.includes(token.text) ? next()?.text : undefined
  }
  return { peek, take, next, rest: () => left }
}

/** `if` and `#` end an expression. */
const tokenAt = (text: string): Token | undefined => {
  if (text === '' || text.startsWith('#') || /^if\b/.test(text)) return undefined
  const operator = OPERATOR.exec(text)?.[0]
  if (operator !== undefined) return { kind: 'operator', text: operator }
  const quoted = /^"(?:[^"\\]|\\.)*"|^'(?:[^'\\]|\\.)*'/.exec(text)?.[0]
  if (quoted !== undefined) return { kind: 'string', text: quoted }
  if (text.startsWith('$(')) return { kind: 'macro', text: text.slice(0, macroLength(text)) }
  const word = WORD.exec(text)?.[0]
  return word === undefined ? undefined : { kind: 'word', text: word }
}

/** Up to the parenthesis that closes the first one, quotes not looked at: Kconfig does not look at them either. */
const macroLength = (text: string): number => {
  let depth = 0
  for (let at = 1; at < text.length; at++) {
    if (text[at] === '(') depth += 1
    if (text[at] === ')') depth -= 1
    if (depth === 0) return at + 1
  }
  return text.length
}

const parseOr = (reader: TokenReader): Expression | undefined => parseChain(reader, '||', 'or', parseAnd)
const parseAnd = (reader: TokenReader): Expression | undefined => parseChain(reader, '&&', 'and', parseUnary)

const parseChain = (
  reader: TokenReader, operator: string, kind: 'and' | 'or', parseOperand: (reader: TokenReader) => Expression | undefined,
): Expression | undefined => {
  let left = parseOperand(reader)
  while (left !== undefined && reader.take(operator) !== undefined) {
    const right = parseOperand(reader)
    left = right === undefined ? undefined : { kind, left, right }
  }
  return left
}

const parseUnary = (reader: TokenReader): Expression | undefined => {
  if (reader.take('!') !== undefined) {
    const operand = parseUnary(reader)
    return operand === undefined ? undefined : { kind: 'not', operand }
  }
  if (reader.take('(') !== undefined) {
    const inner = parseOr(reader)
    return reader.take(')') === undefined ? undefined : inner
  }
  return parseComparison(reader)
}

const parseComparison = (reader: TokenReader): Expression | undefined => {
  const left = parseTerm(reader)
  const operator = COMPARISONS.find((each) => reader.take(each) !== undefined)
  if (left === undefined || operator === undefined) return left
  const right = parseTerm(reader)
  return right === undefined ? undefined : { kind: 'compare', operator, left, right }
}

const COMPARISONS = ['=', '!=', '<=', '>=', '<', '>'] as const

const parseTerm = (reader: TokenReader): Expression | undefined => {
  const token = reader.peek()
  if (token === undefined || token.kind === 'operator') return undefined
  reader.next()
  if (token.kind === 'macro') return { kind: 'macro', text: token.text }
  if (token.kind === 'string') return { kind: 'constant', text: token.text.slice(1, -1).replace(/\\(.)/g, '$1') }
  const isConstant = /^(?:[ymn]|-?\d+|0[xX][0-9a-fA-F]+)$/.test(token.text)
  return isConstant ? { kind: 'constant', text: token.text } : { kind: 'symbol', name: token.text }
}

/** n, m, y as Kconfig counts them; undefined: it hangs on a macro. */
export type Tristate = 0 | 1 | 2

export const evaluate = (expression: Expression, config: DotConfig): Tristate | undefined => {
  switch (expression.kind) {
    case 'symbol': case 'constant': return tristate(textOf(expression, config))
    case 'macro': return undefined
    case 'not': return negate(evaluate(expression.operand, config))
    case 'and': return both(evaluate(expression.left, config), evaluate(expression.right, config))
    case 'or': return negate(both(negate(evaluate(expression.left, config)), negate(evaluate(expression.right, config))))
    case 'compare': {
      const left = textOf(expression.left, config)
      const right = textOf(expression.right, config)
      if (left === undefined || right === undefined) return undefined
      return holds(expression.operator, order(left, right)) ? 2 : 0
    }
  }
}

const negate = (value: Tristate | undefined): Tristate | undefined => (value === undefined ? undefined : NEGATED[value])
const NEGATED = [2, 1, 0] as const

const both = (left: Tristate | undefined, right: Tristate | undefined): Tristate | undefined => {
  if (left === 0 || right === 0) return 0
  if (left === undefined || right === undefined) return undefined
  return left < right ? left : right
}

const textOf = (term: Expression, config: DotConfig): string | undefined => {
  if (term.kind === 'constant') return term.text
  if (term.kind === 'symbol') return (config[term.name] ?? 'n').replace(/^"(.*)"$/, '$1')
  return undefined
}

const tristate = (text: string | undefined): Tristate | undefined => {
  if (text === undefined) return undefined
  return text === 'y' ? 2 : text === 'm' ? 1 : 0
}

const order = (left: string, right: string): number => {
  const [a, b] = [Number(left), Number(right)]
  if (left !== '' && right !== '' && !Number.isNaN(a) && !Number.isNaN(b)) return a - b
  if (/^[nmy]$/.test(left) && /^[nmy]$/.test(right)) return (tristate(left) ?? 0) - (tristate(right) ?? 0)
  return left < right ? -1 : left > right ? 1 : 0
}

const holds = (operator: Comparison, sign: number): boolean => {
  switch (operator) {
    case '=': return sign === 0
    case '!=': return sign !== 0
    case '<': return sign < 0
    case '<=': return sign <= 0
    case '>': return sign > 0
    case '>=': return sign >= 0
  }
}

/** The parts that must all hold. */
export const conjuncts = (expression: Expression): readonly Expression[] =>
  expression.kind === 'and' ? [...conjuncts(expression.left), ...conjuncts(expression.right)] : [expression]

/** In Kconfig's words with the values found: `VFIO_GROUP (=n) || !IOMMUFD (=y)`. */
export const show = (expression: Expression, config: DotConfig): string => {
  const inner = (part: Expression, ...loose: readonly Expression['kind'][]) =>
    loose.includes(part.kind) ? `(${show(part, config)})` : show(part, config)
  switch (expression.kind) {
    case 'symbol': return `${expression.name} (=${config[expression.name] ?? 'n'})`
    case 'constant': return /^(?:[ymn]|-?\d+|0[xX][0-9a-fA-F]+)$/.test(expression.text) ? expression.text : JSON.stringify(expression.text)
    case 'macro': return expression.text
    case 'not': return `!${inner(expression.operand, 'and', 'or', 'compare')}`
    case 'and': return `${inner(expression.left, 'or')} && ${inner(expression.right, 'or', 'and')}`
    case 'or': return `${inner(expression.left, 'and')} || ${inner(expression.right, 'and', 'or')}`
    case 'compare': return `${show(expression.left, config)} ${expression.operator} ${show(expression.right, config)}`
  }
}

/** Every symbol that an expression speaks of. */
export const symbolsIn = (expression: Expression): readonly string[] => {
  switch (expression.kind) {
    case 'symbol': return [expression.name]
    case 'constant':
    case 'macro': return []
    case 'not': return symbolsIn(expression.operand)
    case 'and':
    case 'or':
    case 'compare': return [...symbolsIn(expression.left), ...symbolsIn(expression.right)]
  }
}
