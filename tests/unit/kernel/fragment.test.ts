import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { LabError } from '../../../orchestrator/host/errors.ts'
import { parseFragment } from '../../../orchestrator/kernel/fragment.ts'

const parse = (text: string) => parseFragment(text, 'x.config').map(({ symbol, value, where }) => (where === undefined ? `${symbol}=${value}` : `${symbol}=${value} where ${where}`))

const faultOf = (text: string) => {
  try {
    parseFragment(text, 'x.config')
    return undefined
  } catch (error) {
    return error instanceof LabError ? { kind: error.kind, code: error.code, message: error.message } : error
  }
}

test('reads every kind of line', () => {
  expect(parse([
    '# What it is for.', '', 'CONFIG_A=y', 'CONFIG_B=m', '  CONFIG_C=n  ', 'CONFIG_D=-12', 'CONFIG_E=0xFf', 'CONFIG_F="a \\"b\\" # c"', 'CONFIG_64BIT=y\r',
    '# CONFIG_G is not set', 'CONFIG_H=y # where I exists', 'CONFIG_J=y   #where CONFIG_K exists', '# CONFIG_L is not set # where M exists', '#CONFIG_N=y',
  ].join('\n'))).toEqual([
    'A=y', 'B=m', 'C=n', 'D=-12', 'E=0xFf', 'F="a \\"b\\" # c"', '64BIT=y', 'G=n', 'H=y where I', 'J=y where K', 'L=n where M',
  ])
})

test('remembers where a line stands', () => {
  expect(parseFragment('\n# c\nCONFIG_A=y\n', 'vfio.config')).toEqual([{ symbol: 'A', value: 'y', where: undefined, fragment: 'vfio.config', line: 3 }])
})

test.each([
  'CONFIG_A', 'CONFIG_A=', 'CONFIG_A =y', 'CONFIG_A= y', 'CONFIG_A=yes', 'CONFIG_A="open', 'A=y', 'CONFIG_A=y # because', 'CONFIG_A=y # where exists',
  'CONFIG_A=y # where B exist', 'CONFIG_A=y CONFIG_B=y', 'CONFIG_A-B=y', 'CONFIG_A=0x', 'not a line', 'CONFIG_=y',
])('%j is no line', (line) => {
  expect(faultOf(`CONFIG_OK=y\n${line}\n`)).toMatchObject({ kind: 'yours', code: 'BAD_FRAGMENT_LINE', message: expect.stringContaining('x.config:2:') as unknown })
})

const symbol = fc.stringMatching(/^[A-Z0-9_]{1,20}$/)
const value = fc.oneof(fc.constantFrom('y', 'm', 'n'), fc.integer().map(String), fc.nat().map((n) => `0x${n.toString(16)}`), fc.string().filter((s) => !/[\n\r]/.test(s)).map((s) => JSON.stringify(s)))

test('what is written is read', () => {
  const line = fc.record({ symbol, value: value.filter((text) => !/\\u/.test(text)), where: fc.option(symbol, { nil: undefined }) })
  fc.assert(fc.property(fc.array(line), (lines) => {
    const text = lines.map(({ symbol: name, value: asked, where }) => `CONFIG_${name}=${asked}${where === undefined ? '' : ` # where ${where} exists`}`).join('\n')
    expect(parseFragment(text, 'x').map(({ symbol: name, value: asked, where }) => ({ symbol: name, value: asked, where }))).toEqual(lines)
  }))
})

test('any text is read or refused with its line', () => {
  fc.assert(fc.property(fc.string({ unit: fc.constantFrom('CONFIG_', 'A', '=', 'y', '"', '\\', ' ', '#', '\n', ' is not set', 'where', '\u001b', 'é') }), (text) => {
    const fault = faultOf(text)
    if (fault !== undefined) expect(fault).toMatchObject({ code: 'BAD_FRAGMENT_LINE', message: expect.stringMatching(/^x\.config:\d+: /) as unknown })
  }))
})

test('every fragment of the project begins with what it is for, and is whole', () => {
  const folder = join(import.meta.dirname, '../../../kernel-configs')
  for (const name of readdirSync(folder)) {
    const text = readFileSync(join(folder, name), 'utf8')
    expect(text, name).toMatch(/^# \S/)
    expect(parseFragment(text, name).length, name).toBeGreaterThan(0)
  }
})
