import { setTimeout as sleep } from 'node:timers/promises'
import { expect, test } from 'vitest'
import { type CaseWatchdog, caseWatchdog } from '../../../orchestrator/run/case-watchdog.ts'

/** What expired within 100 ms. */
const expiry = ({ expired }: CaseWatchdog) => Promise.race([expired, sleep(100, 'nothing' as const)])

test('a case that does not end is named, with its limit', async () => {
  using watchdog = caseWatchdog(10)
  watchdog.caseStarted('a/b', 20)
  expect(await expiry(watchdog)).toEqual({ caseId: 'a/b', limitMs: 20 })
})

test('an agent that comes to no first case is as much a hang', async () => {
  using watchdog = caseWatchdog(10)
  expect(await expiry(watchdog)).toEqual({ limitMs: 10 })
})

test('so is one that comes to no end after its last', async () => {
  using watchdog = caseWatchdog(30)
  watchdog.caseStarted('a/b', 10_000)
  watchdog.caseEnded()
  expect(await expiry(watchdog)).toEqual({ limitMs: 30 })
})

test('nothing expires while each is in time, and nothing when it is over', async () => {
  using watchdog = caseWatchdog(10_000)
  watchdog.caseStarted('a/b', 10)
  watchdog.caseEnded()
  expect(await expiry(watchdog)).toBe('nothing')
  const over = caseWatchdog(10)
  over[Symbol.dispose]()
  expect(await expiry(over)).toBe('nothing')
})
