import { readdir, readFile, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { debianSource } from '../../orchestrator/toolbox/debian-archive.ts'
import { openTools } from '../../orchestrator/toolbox/open-tools.ts'
import { temporaryDir } from '../lab-process.ts'

const signal = new AbortController().signal

/** Runs `work` with these variables set (undefined: not set). */
const withEnv = async <T>(variables: Readonly<Record<string, string>>, work: () => Promise<T>): Promise<T> => {
  const before = Object.keys(variables).map((name) => [name, process.env[name]] as const)
  Object.assign(process.env, variables)
  try {
    return await work()
  } finally {
    for (const [name, value] of before) {
      if (value === undefined) Reflect.deleteProperty(process.env, name)
      else process.env[name] = value
    }
  }
}

test('the newest kernel source is asked for once a day, and found again without network', async () => {
  await using tools = await openTools('toolbox', { notice: () => undefined, signal })
  await using cache = await temporaryDir()
  const notices: string[] = []
  const ask = (glob: string, env: Readonly<Record<string, string>> = {}) =>
    withEnv({ VFIO_LAB_CACHE: cache.path, ...env }, () => debianSource(glob, tools, { notice: (text) => notices.push(text), signal }))
  const noNetwork = { http_proxy: 'http://127.0.0.1:9' }

  await expect(ask('linux-source-*', noNetwork)).rejects.toMatchObject({ kind: 'lab', code: 'NO_NETWORK' })
  await expect(ask('linux-source-0*')).rejects.toMatchObject({ kind: 'yours', code: 'NO_SOURCE_PACKAGE', hint: expect.stringMatching(/linux-source-\d+\.\d+/) as string })

  const found = await ask('linux-source-*')
  expect(found.package).toMatch(/^linux-source-\d+\.\d+$/)
  expect(found.version.startsWith(found.package.slice('linux-source-'.length))).toBe(true)
  expect((await stat(found.debPath)).size).toBeGreaterThan(100 * 2 ** 20)
  expect(notices).toEqual([`downloading ${found.package} ${found.version} from Debian's archive`])

  // The same day nobody asks; it would fail.
  expect(await ask('linux-source-*', noNetwork)).toEqual(found)
  expect(notices).toHaveLength(1)

  const folder = join(cache.path, 'debian-archive')
  const answer = join(folder, (await readdir(folder)).find((name) => name.endsWith('.json')) ?? 'no answer')
  await writeFile(answer, (await readFile(answer, 'utf8')).replace(/"askedAt":\d+/, '"askedAt":1700000000000'))
  expect(await ask('linux-source-*', noNetwork)).toEqual(found)
  expect(notices.at(-1)).toBe(`Debian's archive cannot be reached; using what it said on 2023-11-14: ${found.package} ${found.version}`)
})
