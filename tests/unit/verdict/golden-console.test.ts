import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { z } from 'zod'
import { bootFailure } from '../../../orchestrator/verdict/boot-failure.ts'
import { readConsole } from '../../../orchestrator/verdict/read-console.ts'

const GOLDEN = join(import.meta.dirname, '../../golden/console')

/** What a person who reads the log would say of it. */
const expectation = z.strictObject({
  about: z.string().min(10),
  /** Case id -> what it provokes. */
  cases: z.record(z.string(), z.array(z.string())),
  splats: z.array(z.strictObject({ kind: z.string(), title: z.string(), atCase: z.string().nullable() })),
  running: z.string().optional(),
  dropped: z.string().optional(),
  bootFailure: z.string().optional(),
})

const files = readdirSync(GOLDEN)
const logs = files.filter((file) => file.endsWith('.log')).map((file) => file.slice(0, -4))

test('every golden log has its expectation, and the other way round', () => {
  expect(logs.length).toBeGreaterThan(25)
  expect(files.filter((file) => file.endsWith('.json')).map((file) => file.slice(0, -5))).toEqual(logs)
})

describe.each(logs)('%s', (name) => {
  const console = readFileSync(join(GOLDEN, `${name}.log`), 'utf8').split('\n')
  const expected = expectation.parse(JSON.parse(readFileSync(join(GOLDEN, `${name}.json`), 'utf8')))
  const reading = readConsole(console, Object.entries(expected.cases).map(([id, provokes]) => ({ id, provokes })))

  test(expected.about, () => {
    expect(reading.splats.map(({ kind, title, atCase }) => ({ kind, title, atCase }))).toEqual(expected.splats)
    expect(reading.running).toBe(expected.running ?? null)
    expect(reading.dropped).toBe(expected.dropped)
    if (expected.bootFailure !== undefined) expect(bootFailure(reading, 'silence')).toBe(expected.bootFailure)
    for (const { lines } of reading.splats) {
      expect(lines.length).toBeGreaterThan(0)
      expect(lines.join('\n')).not.toMatch(/vfio-lab: case/)
    }
  })
})
