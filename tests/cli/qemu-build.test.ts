import { mkdir, readdir, readFile, symlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { execa } from 'execa'
import { beforeAll, expect, test } from 'vitest'
import { cacheDir } from '../../orchestrator/host/cache.ts'
import { BUILD_TOOLBOX, SOURCE } from '../../orchestrator/qemu/build-recipe.ts'
import { debianSourcePackage } from '../../orchestrator/toolbox/debian-source-package.ts'
import { openToolbox } from '../../orchestrator/toolbox/open-toolbox.ts'
import { temporaryDir } from '../lab-process.ts'

const options = { notice: () => undefined, signal: new AbortController().signal }
const MODEL = fileURLToPath(import.meta.resolve('../../images/devices/pcie-ats-testdev/pcie-ats-testdev.c'))
const program = [process.execPath, fileURLToPath(import.meta.resolve('./open-ats-qemu.ts'))] as const

/** Both toolboxes and the source, once, in the cache that this test has. */
beforeAll(async () => {
  await using tools = await openToolbox(options)
  await using _ = await openToolbox(options, BUILD_TOOLBOX)
  await (await debianSourcePackage({ name: SOURCE, suite: BUILD_TOOLBOX.recipe.suite, isUsed: () => false }, tools, options)).fetch()
})

/** A cache with no QEMU in it, and of the real one what is named. */
const cacheWith = async (...names: readonly string[]) => {
  const cache = await temporaryDir()
  for (const name of names) await symlink(cacheDir(name), join(cache.path, name))
  await mkdir(join(cache.path, 'qemu'))
  return cache
}

/** Opens the QEMU with this cache in a process of its own; `around` are words before the command. */
const opening = (cache: string, around: readonly string[] = []) => {
  const [file, ...args] = [...around, ...program] as const
  return execa(file, args, { env: { VFIO_LAB_CACHE: cache }, reject: false, detached: true })
}

const visible = async (cache: string): Promise<readonly string[]> => (await readdir(join(cache, 'qemu'))).filter((name) => !name.endsWith('.lock'))

/** Resolves when the folder in which QEMU is being built has this path in it. */
const hasReached = async (cache: string, path: string): Promise<void> => {
  for (;;) {
    const [aside] = await visible(cache)
    if (aside !== undefined && (await readdir(join(cache, 'qemu', aside, 'work', path)).catch(() => [])).length > 0) return
    await sleep(50)
  }
}

/** Processes with this text in their command line. */
const processesOf = async (text: string): Promise<readonly string[]> => {
  const pids = (await readdir('/proc')).filter((name) => /^\d+$/.test(name))
  const lines = await Promise.all(pids.map((pid) => readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '')))
  return lines.filter((line) => line.includes(text))
}

test('an interrupt while it is built leaves nothing, and the lab that waited builds on', async () => {
  await using cache = await cacheWith('toolbox', 'debian-archive')
  const first = opening(cache.path)
  await hasReached(cache.path, 'source')
  const second = opening(cache.path)
  let said = ''
  second.stdout.on('data', (chunk: Buffer) => { said += chunk.toString('utf8') })
  while (!said.includes('another lab is building QEMU; waiting for it')) await sleep(50)
  first.kill('SIGINT')
  expect((await first).stdout).toContain('"Interrupted"')

  await hasReached(cache.path, 'objects')
  expect(await visible(cache.path)).toHaveLength(1)
  second.kill('SIGINT')
  expect((await second).stdout).toContain('"Interrupted"')
  expect(await visible(cache.path)).toEqual([])
  expect(await processesOf(cache.path)).toEqual([])
})

test('what a killed lab left half-built is not used', async () => {
  await using cache = await cacheWith('toolbox', 'debian-archive')
  const killed = opening(cache.path)
  await hasReached(cache.path, 'source')
  killed.kill('SIGKILL')
  await killed
  const left = await visible(cache.path)
  expect(left.every((name) => name.includes('.aside-'))).toBe(true)

  const next = opening(cache.path)
  while ((await visible(cache.path)).some((name) => left.includes(name))) await sleep(50)
  await hasReached(cache.path, 'source')
  next.kill('SIGINT')
  await next
  expect(await visible(cache.path)).toEqual([])
})

test('no network when the source is not there yet is told on one screen', async () => {
  await using cache = await cacheWith('toolbox')
  const { stdout } = await opening(cache.path, ['bwrap', '--dev-bind', '/', '/', '--unshare-net'])
  expect(stdout).toMatch(/"kind":"lab","code":"NO_NETWORK","message":"asking Debian's archive: deb\.debian\.org cannot be reached/)
  expect(stdout.length).toBeLessThan(2000)
  expect(await visible(cache.path)).toEqual([])
})

test('a full disk is named with what is free', async () => {
  await using cache = await cacheWith('toolbox', 'debian-archive')
  const { stdout } = await opening(cache.path, ['bwrap', '--dev-bind', '/', '/', '--size', '100000000', '--tmpfs', join(cache.path, 'qemu')])
  expect(stdout).toMatch(new RegExp(`"code":"NO_SPACE","message":"unpacking QEMU .*: no space left in ${cache.path}/qemu/.*MiB free`))
})

test('an error of the compiler is shown, and nothing is left', async () => {
  await using cache = await cacheWith('toolbox', 'debian-archive')
  await using dir = await temporaryDir()
  const broken = join(dir.path, 'broken.c')
  await writeFile(broken, (await readFile(MODEL, 'utf8')).replace('s->result = transfer(s)', 's->result = no_such_function(s)'))
  const { stdout } = await opening(cache.path, ['bwrap', '--dev-bind', '/', '/', '--ro-bind', broken, MODEL])
  expect(stdout).toMatch(/"kind":"lab","code":"QEMU_BUILD","message":"compiling QEMU /)
  expect(stdout).toMatch(/pcie-ats-testdev\.c:\d+:\d+: error: .*no_such_function/)
  expect(await visible(cache.path)).toEqual([])
})
