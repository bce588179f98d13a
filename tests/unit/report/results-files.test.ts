import { appendFileSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { labEvent } from '../../../orchestrator/report/event-schema.ts'
import { EVENTS_FILE, eventsNdjson } from '../../../orchestrator/report/events-ndjson.ts'
import { foldResults } from '../../../orchestrator/report/fold-results.ts'
import { ktap } from '../../../orchestrator/report/ktap.ts'
import { readEvents } from '../../../orchestrator/report/read-events.ts'
import { RESULTS_FILE, resultsJson, resultsText } from '../../../orchestrator/report/results-json.ts'
import { fakeRun } from './fake-run.ts'

let dir: string
beforeEach(() => { dir = mkdtempSync(join(tmpdir(), 'vfio-lab-report-')) })
afterEach(() => { rmSync(dir, { recursive: true, force: true }) })

const write = (events = fakeRun()) => {
  const reporters = [eventsNdjson(dir), resultsJson(dir), ktap(dir)]
  for (const event of events) for (const reporter of reporters) reporter.onEvent?.(event)
  for (const reporter of reporters) reporter.onEnd?.()
}

describe('events.ndjson', () => {
  it('is read back as it was told, nothing lost', () => {
    write()
    expect(readEvents(join(dir, EVENTS_FILE))).toStrictEqual(fakeRun())
  })

  it('is checked in every part', () => {
    for (const event of fakeRun()) expect(labEvent.parse(event)).toStrictEqual(event)
  })

  it('holds each event before the next one comes', () => {
    const [first] = fakeRun()
    if (first === undefined) throw new Error('the fake run is empty')
    eventsNdjson(dir).onEvent?.(first)
    expect(readEvents(join(dir, EVENTS_FILE))).toStrictEqual([first])
  })

  it('may end within a line, as a killed run leaves it', () => {
    write()
    appendFileSync(join(dir, EVENTS_FILE), '{"atMs":12,"event":"noti')
    expect(readEvents(join(dir, EVENTS_FILE))).toHaveLength(fakeRun().length)
  })

  it.each(['garbage', '{}', '{"atMs":1,"event":"case-end","cell":"a/b/c","id":"x/y","outcome":"great","durationMs":1}'])('refuses %s and says where', (line) => {
    write()
    const path = join(dir, EVENTS_FILE)
    writeFileSync(path, `${readFileSync(path, 'utf8')}${line}\n`)
    expect(() => readEvents(path)).toThrow(`${path}:${fakeRun().length + 1} is no event`)
  })

  it('is never shared by two runs', () => {
    eventsNdjson(dir)
    expect(() => eventsNdjson(dir)).toThrow(`${dir} holds the results of another run`)
    expect(() => eventsNdjson(join(dir, 'not', 'there'))).toThrow('cannot write into')
  })
})

describe('results.json', () => {
  it('can be made again from events.ndjson, byte for byte', () => {
    write()
    expect(resultsText(foldResults(readEvents(join(dir, EVENTS_FILE))))).toBe(readFileSync(join(dir, RESULTS_FILE), 'utf8'))
  })

  it('has the cells in the order of the plan, whatever order they ended in', () => {
    const { cells } = foldResults(fakeRun())
    expect(cells.map(({ id }) => id)).toEqual([
      'debian/noiommu/none', 'debian/noiommu/intel', 'debian/no-container/none', 'debian/no-container/intel', 'debian/iommufd/none', 'debian/iommufd/intel',
    ])
  })

  it('does not exist when the run has no end', () => {
    write(fakeRun().slice(0, -1))
    expect(readdirSync(dir).sort()).toEqual([EVENTS_FILE, 'ktap'])
    expect(() => foldResults(fakeRun().slice(0, -1))).toThrow('the events stop before the run does')
  })
})

it('there is a KTAP file for every cell', () => {
  write()
  expect(readdirSync(join(dir, 'ktap'), { recursive: true, encoding: 'utf8' }).filter((path) => path.endsWith('.ktap')).sort()).toEqual([
    'debian/iommufd/intel.ktap', 'debian/iommufd/none.ktap', 'debian/no-container/intel.ktap', 'debian/no-container/none.ktap',
    'debian/noiommu/intel.ktap', 'debian/noiommu/none.ktap',
  ])
})
