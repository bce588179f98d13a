import fc from 'fast-check'
import { expect, test } from 'vitest'
import { askConfig, askedText, type KnownSymbols } from '../../../orchestrator/kernel/asked-config.ts'
import { parseFragment } from '../../../orchestrator/kernel/fragment.ts'

const knowing = (...names: string[]): KnownSymbols => ({ has: (symbol) => names.includes(symbol), names: () => names })
const ask = (base: string, fragments: readonly string[], known: KnownSymbols) =>
  askConfig(parseFragment(base, 'base.config'), fragments.flatMap((text, index) => parseFragment(text, `f${index + 1}.config`)), known)

test('the last line about a symbol wins, fragments over the base', () => {
  const { asked } = ask('CONFIG_A=n\nCONFIG_B=y', ['CONFIG_A=y\nCONFIG_C=m', 'CONFIG_C=y\nCONFIG_C=n'], knowing('A', 'B', 'C'))
  expect(asked.map(({ symbol, value, fragment, line }) => [symbol, value, fragment, line])).toEqual([
    ['B', 'y', 'base.config', 2], ['A', 'y', 'f1.config', 1], ['C', 'n', 'f2.config', 2],
  ])
  expect(askedText(asked)).toBe('CONFIG_B=y\nCONFIG_A=y\n# CONFIG_C is not set\n')
})

test('a conditional line is asked for only when the tree has its symbol', () => {
  const fragment = 'CONFIG_A=y # where B exists'
  expect(ask('', [fragment], knowing('A', 'B'))).toMatchObject({ asked: [{ symbol: 'A' }], notAsked: [] })
  expect(ask('', [fragment], knowing('A'))).toEqual({ asked: [], notAsked: [{ symbol: 'A', asked: 'y', fragment: 'f1.config', where: 'B' }] })
  expect(ask('CONFIG_A=n', [fragment], knowing('A')).asked).toMatchObject([{ symbol: 'A', value: 'n', fragment: 'base.config' }])
  // Its own symbol may be unknown where the condition does not hold.
  expect(ask('', [fragment], knowing()).notAsked).toHaveLength(1)
})

test('a symbol that the tree does not know is refused, with the nearest that it knows', () => {
  expect(() => ask('', ['\nCONFIG_VFIO_NOIOMU=y'], knowing('VFIO', 'VFIO_NOIOMMU'))).toThrow(
    expect.objectContaining({ kind: 'yours', code: 'UNKNOWN_SYMBOL', message: 'f1.config:2: no Kconfig of the tree knows CONFIG_VFIO_NOIOMU', hint: 'did you mean CONFIG_VFIO_NOIOMMU?' }),
  )
  expect(() => ask('', ['# CONFIG_X is not set'], knowing('A'))).toThrow(expect.objectContaining({ code: 'UNKNOWN_SYMBOL' }))
  expect(() => ask('CONFIG_X=y', [], knowing('A'))).toThrow(expect.objectContaining({ code: 'UNKNOWN_SYMBOL' }))
})

test('the base may leave out what a kernel does not have', () => {
  expect(ask('CONFIG_GONE=n\nCONFIG_A=y', [], knowing('A')).asked).toMatchObject([{ symbol: 'A' }])
})

test('every symbol is asked once, by its last line', () => {
  const name = fc.constantFrom('A', 'B', 'C', 'D')
  const lines = fc.array(fc.tuple(name, fc.constantFrom('y', 'm', 'n')))
  fc.assert(fc.property(lines, lines, (base, fragment) => {
    const textOf = (list: readonly (readonly [string, string])[]) => list.map(([symbol, value]) => `CONFIG_${symbol}=${value}`).join('\n')
    const { asked } = ask(textOf(base), [textOf(fragment)], knowing('A', 'B', 'C', 'D'))
    expect(Object.fromEntries(asked.map(({ symbol, value }) => [symbol, value]))).toEqual(Object.fromEntries([...base, ...fragment]))
    expect(new Set(asked.map(({ symbol }) => symbol)).size).toBe(asked.length)
  }))
})
