import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { consoleMark } from '../../../guest-agent/protocol.ts'
import { cleanLine } from '../../../orchestrator/host/clean-text.ts'
import { readConsole } from '../../../orchestrator/verdict/read-console.ts'
import { SPLAT_RULES } from '../../../orchestrator/verdict/splat-rules.ts'
import { WARNING } from './made-up-cell.ts'

const CASES = [{ id: 'a/one', provokes: [] }, { id: 'b/two', provokes: [] }]

/** Words that a kernel's complaints are made of, and what they are broken with. */
const fragment = fc.oneof(
  fc.constantFrom(
    '------------[ cut here ]------------', 'WARNING: ', 'CPU: 0 PID: 1 at ', 'BUG: ', 'kernel BUG at ', 'Oops: ', '0000 [#1]', 'KASAN: ', 'RIP: 0010:', 'f+0x1/0x2', 'Call Trace:', ' <TASK>',
    ' </TASK>', '---[ end trace 0000000000000000 ]---', '[    1.000000] ', '[    1.000000][   T12] ', '<4>', 'Kernel panic - not syncing: ', 'Fatal exception', 'Tainted: G        W ', 'refcount_t: ',
    'INFO: task ', ' blocked for more than ', '====================', '\u001b[31m', '\u001b]0;', '\r', '\u0000', consoleMark('start', 'a/one'), consoleMark('end', 'a/one'), consoleMark('start', 'b/two'),
    '** 3 printk messages dropped **', 'Adding kernel taint for ', 'stack backtrace:',
  ),
  fc.string({ maxLength: 12 }),
)
const hostileLine = fc.array(fragment, { maxLength: 6 }).map((parts) => parts.join(''))

describe('whatever a guest prints', () => {
  test('is read without an error, bounded and the same way each time', () => {
    fc.assert(fc.property(fc.array(hostileLine, { maxLength: 60 }), (console) => {
      const reading = readConsole(console, CASES)
      for (const { title, lines, atCase } of reading.splats) {
        expect(title.length).toBeLessThanOrEqual(160)
        expect(lines.length).toBeLessThanOrEqual(121)
        expect([null, 'a/one', 'b/two']).toContain(atCase)
        expect([title, ...lines].map((line) => cleanLine(line))).toEqual([title, ...lines])
      }
      expect(readConsole(console, CASES)).toEqual(reading)
    }), { numRuns: 500 })
  })

  test('does not hide a warning that comes after it, nor change to whom it belongs', () => {
    const noise = fc.array(hostileLine.filter((line) => !line.includes('vfio-lab: case')), { maxLength: 40 })
    fc.assert(fc.property(noise, (lines) => {
      const console = [...lines, `[    1.999999] ${consoleMark('start', 'b/two')}`, ...WARNING, `[    3.000000] ${consoleMark('end', 'b/two')}`]
      const { splats, started, ended } = readConsole(console, CASES)
      expect(splats.filter(({ atCase }) => atCase === 'b/two').map(({ title }) => title)).toContain('WARNING in iommufd_device_bind')
      expect([started.has('b/two'), ended.has('b/two')]).toEqual([true, true])
    }), { numRuns: 500 })
  })

  test('takes a time that grows with its length and no faster', () => {
    const hostile = [
      '[    1.000000] '.repeat(60),
      `BUG: KASAN: ${'a-b '.repeat(240)}`,
      `UBSAN: ${'x '.repeat(480)}in`,
      `Oops: ${'a '.repeat(480)}`,
      `${'x: '.repeat(320)}BUG: `,
      `WARNING: at ${'a.'.repeat(480)}`,
      `[${' '.repeat(900)}1.000000] `,
      `INFO: task ${'a:1'.repeat(300)} blocked`,
      'BUG a'.repeat(180),
      'Adding kernel taint '.repeat(45),
      `Tainted: G${' '.repeat(900)}`,
    ]
    const timeOf = (count: number) => {
      const console = Array.from({ length: count }, (_, index) => hostile[index % hostile.length] ?? '')
      const began = performance.now()
      readConsole(console, CASES)
      return performance.now() - began
    }
    timeOf(2_000)
    const [short, long] = [timeOf(4_000), timeOf(32_000)]
    expect(long).toBeLessThan(short * 8 * 3 + 500)
    expect(long / 32_000).toBeLessThan(1)
  })

  test('is kept only in part when it is the same complaint again and again', () => {
    const { splats } = readConsole(Array.from({ length: 5_000 }, () => WARNING).flat(), CASES)
    expect(splats).toHaveLength(20)
  })

  test('is cut when a complaint does not end', () => {
    const endless = Array.from({ length: 10_000 }, (_, index) => `[    2.000000]  f${index}+0x1/0x2`)
    const { splats } = readConsole([...WARNING.slice(0, 2), ...endless], CASES)
    expect(splats).toMatchObject([{ title: 'WARNING in iommufd_device_bind' }])
    expect(splats[0]?.lines).toHaveLength(120)
  })
})

describe('a flood of provoked complaints', () => {
  test('does not crowd out one that is not provoked', () => {
    const console = [consoleMark('start', 'a/one'), ...Array.from({ length: 100 }, () => WARNING).flat(), ...WARNING.map((line) => line.replaceAll('device_bind', 'device_free').replaceAll('device.c', 'other.c'))]
    const { splats } = readConsole(console, [{ id: 'a/one', provokes: ['iommufd/device\\.c'] }])
    expect(splats.map(({ title }) => title)).toEqual(['WARNING in iommufd_device_free'])
  })
})

test('every rule is anchored at the beginning of the message', () => {
  for (const { pattern } of SPLAT_RULES) {
    expect(pattern.source.startsWith('^')).toBe(true)
    expect(pattern.flags).toBe('')
  }
})
