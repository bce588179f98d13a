import { expect, test } from 'vitest'
import { endsSession, isRefusedArc, MIGRATION_STATES, opensSession, stateName } from '../../../../guest-agent/mdev/migration-arcs.ts'

/** All pairs of states for which it holds: `RUNNING -> PRE_COPY`. */
const pairs = (holds: (from: number, to: number) => boolean): readonly string[] =>
  MIGRATION_STATES.flatMap((from) => MIGRATION_STATES.filter((to) => holds(from, to)).map((to) => `${stateName(from)} -> ${stateName(to)}`)).sort()

test('only from STOP_COPY two states are out of reach', () => {
  expect(pairs(isRefusedArc)).toEqual(['STOP_COPY -> PRE_COPY', 'STOP_COPY -> PRE_COPY_P2P'])
})

test('a session of saving begins where the device was not being saved, one of resuming wherever it was not resuming', () => {
  const outside = ['RESUMING', 'RUNNING', 'RUNNING_P2P', 'STOP']
  const begun = outside.flatMap((from) => ['PRE_COPY', 'PRE_COPY_P2P', 'STOP_COPY'].map((to) => `${from} -> ${to}`))
  const resumed = MIGRATION_STATES.map(stateName).filter((from) => from !== 'RESUMING').map((from) => `${from} -> RESUMING`)
  expect(pairs(opensSession)).toEqual([...begun, ...resumed].sort())
})

test('a session ends where its states are left, and not between the states of saving', () => {
  expect(pairs(endsSession).filter((arc) => arc.startsWith('PRE_COPY '))).toEqual(
    ['PRE_COPY -> RESUMING', 'PRE_COPY -> RUNNING', 'PRE_COPY -> RUNNING_P2P', 'PRE_COPY -> STOP'],
  )
  expect(pairs(endsSession).filter((arc) => arc.startsWith('RESUMING '))).toHaveLength(MIGRATION_STATES.length - 1)
  expect(pairs(endsSession).filter((arc) => /^(STOP|RUNNING) /.test(arc))).toEqual([])
})

test('a state that there is not has its number', () => {
  expect(stateName(9)).toBe('state 9')
})
