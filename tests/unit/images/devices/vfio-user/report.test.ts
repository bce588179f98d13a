import { expect, test } from 'vitest'
import { Report } from '../../../../../images/devices/vfio-user/device/report.ts'

const MOST_LINES = 100_000

test.each([MOST_LINES - 1, MOST_LINES, 2 * MOST_LINES])('after %i lines the report is cut, and still tells that QEMU is gone', (count) => {
  const lines: string[] = []
  const report = new Report((line) => { lines.push(line) })
  for (let line = 0; line < count; line += 1) report.line('device', { line })
  report.line('disconnected', { because: 'the other end closed' })
  expect(lines.length).toBe(MOST_LINES + 1)
  expect(lines.slice(-2).map((line): unknown => JSON.parse(line))).toEqual([{ event: 'cut' }, { event: 'disconnected', because: 'the other end closed' }])
})
