import { expect, test } from 'vitest'
import type { AgentEvent } from '../../../guest-agent/protocol.ts'
import type { PlannedCase } from '../../../orchestrator/plan/plan.ts'
import { judgeCase } from '../../../orchestrator/verdict/judge-case.ts'
import { programEvents } from '../../../orchestrator/verdict/program-events.ts'
import { aCase } from '../plan/made-up-lab.ts'

const program = { folder: '/store', files: ['p'], argv: ['p'], environment: {}, output: 'ktap', hugePages: 0, gigaPage: false, sriov: false, memoryMiB: 0 } as const
const CASES: readonly PlannedCase[] = [{ ...aCase('s/a'), program }, { ...aCase('s/b'), program }, aCase('native/c')]

const start = (id: string): AgentEvent => ({ event: 'case-start', id })
const say = (...lines: readonly string[]): readonly AgentEvent[] => lines.map((text) => ({ event: 'output', stream: 'stdout', text }))
const end = (id: string, rest: object = {}): AgentEvent => ({ event: 'case-end', id, outcome: 'pass', durationMs: 1, ...rest })
const outcomes = (events: readonly AgentEvent[]) => events.map(programEvents(CASES)).flatMap((event) => (event.event === 'case-end' ? [event.outcome] : []))
const GOOD = ['TAP version 13', '1..1', 'ok 1 t']

test('the end of a program has the verdict on what it said itself, and on nothing that another one said', () => {
  expect(outcomes([start('s/a'), ...say(...GOOD), end('s/a', { program: { status: 0 } }), start('s/b'), end('s/b', { program: { status: 0 } })])).toEqual(['pass', 'fail'])
})

test('what the agent found is not made good by what the program said', () => {
  expect(outcomes([start('s/a'), ...say(...GOOD), end('s/a', { outcome: 'timeout' })])).toEqual(['timeout'])
  expect(outcomes([start('s/a'), ...say(...GOOD), end('s/a', { outcome: 'fail', message: 'it left behind: a device', program: { status: 0 } })])).toEqual(['fail'])
})

test('a program of whose end nothing is told is no pass; a case of the agent is what it says', () => {
  expect(outcomes([start('s/a'), ...say(...GOOD), end('s/a'), start('native/c'), end('native/c')])).toEqual(['fail', 'pass'])
})

test('a known failure may fail and may pass, and do nothing else', () => {
  const known: PlannedCase = { ...aCase('s/a'), knownFailure: { because: 'it is broken upstream', outcome: 'fail', looks: /no page/ }, caveat: 'half of it is off' }
  const result = (outcome: 'pass' | 'fail' | 'crash' | 'timeout', message = 'there is no page') => judgeCase(known, [{ outcome, alone: false, durationMs: 1, message, console: [] }], '')
  expect(result('fail')).toMatchObject({ expected: 'fail', unexpected: false, because: 'it is broken upstream' })
  expect(result('pass')).toMatchObject({ expected: 'pass', unexpected: false, because: 'half of it is off' })
  expect(result('fail', 'something else')).toMatchObject({ expected: 'pass', unexpected: true })
  expect(result('timeout')).toMatchObject({ expected: 'pass', unexpected: true })
  expect(result('crash')).toMatchObject({ expected: 'pass', unexpected: true })
})

test('a known crash is known by the title of its splat', () => {
  const known: PlannedCase = { ...aCase('s/a'), knownFailure: { because: 'it counts no pages', outcome: 'crash', looks: /^WARNING in f$/ } }
  const result = (outcome: 'pass' | 'fail' | 'crash', because?: string) =>
    judgeCase(known, [{ outcome, alone: false, durationMs: 1, console: [], ...(because === undefined ? {} : { because }) }], '')
  expect(result('crash', 'WARNING in f')).toMatchObject({ expected: 'crash', unexpected: false, because: 'WARNING in f: it counts no pages' })
  expect(result('crash', 'WARNING in f, and 1 more')).toMatchObject({ expected: 'pass', unexpected: true, because: 'WARNING in f, and 1 more' })
  expect(result('fail')).toMatchObject({ unexpected: true })
  expect(result('pass')).toMatchObject({ expected: 'pass', unexpected: false })
})
