import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, expectTypeOf, test, vi } from 'vitest'
import type { z } from 'zod'
import type { CaseInfo } from '../../../guest-agent/protocol.ts'
import type { caseInfo } from '../../../orchestrator/vm/case-info.ts'
import { readCatalogue } from '../../../orchestrator/plan/read-catalogue.ts'
import { aCase } from './made-up-lab.ts'

// Each reading is a Node of its own.
vi.setConfig({ testTimeout: 60_000 })

let dir = ''
beforeAll(async () => { dir = await mkdtemp(join(tmpdir(), 'vfio-lab-catalogue-')) })
afterAll(async () => { await rm(dir, { recursive: true }) })

/** A program in the place of the agent's bundle. */
const bundle = async (code: string) => {
  const path = join(dir, 'agent.mjs')
  await writeFile(path, code)
  return path
}
const saying = (...events: readonly unknown[]) => bundle(`process.stdin.once('data', (text) => {
  if (JSON.parse(text).list !== true) process.exit(9)
  process.stdout.write(${JSON.stringify(events.map((event) => `${JSON.stringify(event)}\n`).join(''))})
})`)

const full = aCase('ioas/map', { config: ['IOMMUFD', '!VFIO_GROUP|VFIO_CONTAINER'], uapi: ['!IOMMU_IOAS_X'], iommu: ['intel', '!scalable'], access: 'any', device: ['msi'], deviceKind: 'edu', devices: 2, privilege: ['CAP_SYS_RAWIO'] })

const uapi = { structs: [{ name: 'iommu_destroy', size: 8, fields: [{ name: 'id', offset: 4, bytes: 4 }] }], ioctls: { IOMMU_DESTROY: 15232 }, constants: { VFIO_PCI_DEVID_NOT_OWNED: -1 } }

test('what is checked is what the protocol says', () => {
  expectTypeOf<z.output<typeof caseInfo>>().toEqualTypeOf<CaseInfo>()
})

describe('the catalogue', () => {
  test('is what the agent answers to {list}, however many events it takes', async () => {
    const { cases, uapi: said } = await readCatalogue(await saying({ event: 'hello', protocol: 1 }, { event: 'uapi', uapi }, { event: 'catalogue', cases: [full] }, { event: 'catalogue', cases: [aCase('cdev/bind')] }, { event: 'bye', ran: 0 }))
    expect(cases).toEqual([full, aCase('cdev/bind')])
    expect(said).toEqual(uapi)
  })

  test.each([
    ['is empty', [{ event: 'catalogue', cases: [] }], /it is empty/],
    ['has an id twice', [{ event: 'catalogue', cases: [full, full] }], /ioas\/map is there twice/],
    ['has a case of another suite', [{ event: 'catalogue', cases: [{ ...full, suite: 'cdev' }] }], /must begin with the suite/],
    ['has an id that is no file name', [{ event: 'catalogue', cases: [{ ...full, id: 'ioas/../x' }] }], /id/],
    ['has a need that nobody knows', [{ event: 'catalogue', cases: [{ ...full, needs: { moon: true } }] }], /moon/],
    ['has a pattern that is none', [{ event: 'catalogue', cases: [{ ...full, provokes: ['('] }] }], /no regular expression/],
    ['says nothing of the uapi headers', [{ event: 'catalogue', cases: [full] }], /uapi headers/],
    ['has a name that is C', [{ event: 'uapi', uapi: { ...uapi, ioctls: { 'IOMMU_DESTROY; }': 1 } } }], /ioctls/],
    ['is an error', [{ event: 'agent-error', message: 'suite threw' }], /suite threw/],
    ['is no JSON', ['x'], /no event/],
  ])('that %s is the lab\'s error', async (_, events, message) => {
    const reading = readCatalogue(await saying(...events))
    await expect(reading).rejects.toMatchObject({ kind: 'lab', code: 'CATALOGUE_INVALID' })
    await expect(reading).rejects.toThrow(message)
  })

  test('of an agent that dies is the lab\'s error, with what it said', async () => {
    await expect(readCatalogue(await bundle('throw new Error("koffi is not here")'))).rejects.toMatchObject({ kind: 'lab', code: 'TOOL_FAILED' })
  })

  test('of an agent that talks without end is refused', async () => {
    await expect(readCatalogue(await bundle('const go = () => process.stdout.write("x".repeat(1 << 20), go); go()'))).rejects.toMatchObject({ kind: 'lab', code: 'TOOL_OUTPUT' })
  })
})
