import { appendFile, mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { openJournal } from '../../../orchestrator/bisect/journal.ts'

const STATE = { id: 'after-2', title: 'patch 2 of 3', verdict: 'bad', because: 'it crashed' } as const
const PLACE = { config: 'noiommu', machine: 'intel', case: null }

test('what was judged is known to the next lab; half a line of a killed one is not', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'vfio-lab-test-'))
  onTestFinished(() => rm(folder, { recursive: true, force: true }))
  const file = join(folder, 'sub', 'journal.ndjson')
  const first = await openJournal(file)
  expect(first.places).toBeUndefined()
  await first.addEnds([PLACE])
  await first.add(STATE)
  await appendFile(file, '{"kind":"judged","id":"after-3","verd')
  const second = await openJournal(file)
  expect(second.places).toEqual([PLACE])
  expect(second.judged('after-2')).toMatchObject(STATE)
  expect(second.judged('after-3')).toBeUndefined()
  await second.add({ ...STATE, id: 'after-3' })
  expect((await openJournal(file)).judged('after-3')).toMatchObject({ id: 'after-3' })
  expect((await readFile(file, 'utf8')).trim().split('\n')).toHaveLength(4)
})
