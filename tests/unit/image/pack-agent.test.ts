import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { execa } from 'execa'
import { expect, it } from 'vitest'
import { packAgent } from '../../../orchestrator/image/pack-agent.ts'
import { temporaryDir } from '../../lab-process.ts'

const FILES = { 'b.js': 'exports.serve = 1\n', 'a.cache': 'x'.repeat(100_000), last: '' }

it('is unpacked by tar, in the order asked for, and by the same files made of the same bytes', async () => {
  await using folder = await temporaryDir()
  const pack = async (name: string) => {
    const from = join(folder.path, name)
    await mkdir(from)
    for (const [file, content] of Object.entries(FILES)) await writeFile(join(from, file), content)
    return Buffer.from(await packAgent(from, Object.keys(FILES)))
  }
  const archive = await pack('one')
  expect(archive.equals(await pack('two'))).toBe(true)
  const to = join(folder.path, 'to')
  await mkdir(to)
  const { stdout } = await execa('tar', ['-x', '-v', '-C', to], { input: archive })
  expect(stdout.split('\n')).toEqual(Object.keys(FILES))
  expect((await readdir(to)).toSorted()).toEqual(Object.keys(FILES).toSorted())
  for (const [file, content] of Object.entries(FILES)) expect(await readFile(join(to, file), 'utf8')).toBe(content)
})
