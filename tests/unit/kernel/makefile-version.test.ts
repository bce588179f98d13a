import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { newerThanCatalogue, readMakefileVersion } from '../../../orchestrator/kernel/makefile-version.ts'

const versionOf = async (makefile: string) => {
  const dir = await mkdtemp(join(tmpdir(), 'makefile-'))
  try {
    await writeFile(join(dir, 'Makefile'), makefile)
    return await readMakefileVersion(dir)
  } finally {
    await rm(dir, { recursive: true })
  }
}

test('reads the version of a kernel Makefile', async () => {
  expect(await versionOf('# SPDX\nVERSION = 7\nPATCHLEVEL = 3\nSUBLEVEL = 0\nEXTRAVERSION = -rc7\nNAME = Baby\n')).toEqual({ major: 7, minor: 3, text: '7.3.0-rc7' })
  expect(await versionOf('VERSION = 7\nPATCHLEVEL = 2\nSUBLEVEL = 13\nEXTRAVERSION =\n')).toEqual({ major: 7, minor: 2, text: '7.2.13' })
  expect(await versionOf('all:\n\techo VERSION = 7\n')).toBeUndefined()
  expect(await versionOf('VERSION = 1.0\nPATCHLEVEL = x\n')).toBeUndefined()
  expect(await readMakefileVersion('/nowhere')).toBeUndefined()
})

test('says so when a kernel is newer than the cases', () => {
  expect(newerThanCatalogue('7.3.0-rc7')).toBeUndefined()
  expect(newerThanCatalogue('7.2.13')).toBeUndefined()
  expect(newerThanCatalogue('6.19.1')).toBeUndefined()
  expect(newerThanCatalogue('7.10.0')).toMatch(/7\.10\.0 is newer than 7\.3/)
  expect(newerThanCatalogue('8.0.0-rc1')).toMatch(/newer/)
  expect(newerThanCatalogue('unknown')).toBeUndefined()
})
