import { copyFile, mkdir, readFile, symlink, writeFile } from 'node:fs/promises'
import { delimiter, join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { execa } from 'execa'
import { expect, test } from 'vitest'
import { temporaryDir } from '../lab-process.ts'

const projectDir = join(import.meta.dirname, '..', '..')
/** Without node_modules/.bin of the project, which npm run puts first. */
const path = (process.env['PATH'] ?? '').split(delimiter).filter((folder) => !folder.includes('node_modules')).join(delimiter)

/** The real script in a project that needs no registry: its pinned Node is a local package. */
const project = async (main: string): Promise<AsyncDisposable & { readonly path: string }> => {
  const dir = await temporaryDir()
  const pinned = `node-linux-${process.arch}`
  await mkdir(join(dir.path, 'pinned', 'bin'), { recursive: true })
  await mkdir(join(dir.path, 'orchestrator'))
  await copyFile(join(projectDir, 'lab'), join(dir.path, 'lab'))
  await symlink(process.execPath, join(dir.path, 'pinned', 'bin', 'node'))
  await writeFile(join(dir.path, 'pinned', 'package.json'), JSON.stringify({ name: pinned, version: '1.0.0' }))
  await writeFile(join(dir.path, 'package.json'), JSON.stringify({ name: 'lab', version: '1.0.0', type: 'module', dependencies: { [pinned]: 'file:pinned' } }))
  await writeFile(join(dir.path, 'orchestrator', 'main.ts'), main)
  await execa('npm', ['install', '--package-lock-only', '--offline', '--no-audit'], { cwd: dir.path, env: { PATH: path } })
  return dir
}

const lab = (dir: string, args: readonly string[] = [], env: Readonly<Record<string, string>> = {}) =>
  execa(join(dir, 'lab'), args, { cwd: '/', env: { PATH: path, ...env }, reject: false })

const INSTALLING = 'lab: installing the npm packages that package-lock.json pins, into node_modules/'
const WAITING = 'lab: package-lock.json has changed; waiting for the running lab to end before npm ci'

test('installs once, then becomes the lab: arguments, folder and exit code are its own', async () => {
  await using dir = await project('const words: string[] = process.argv.slice(2); console.log(process.cwd(), words.join()); process.exitCode = 7')
  await mkdir(join(dir.path, 'elsewhere'))
  await symlink('../lab', join(dir.path, 'elsewhere', 'vlab'))
  const first = await execa(join(dir.path, 'elsewhere', 'vlab'), ['run', '--x=a b'], { cwd: '/', env: { PATH: path }, reject: false })
  expect(first).toMatchObject({ exitCode: 7, stdout: '/ run,--x=a b', stderr: INSTALLING })
  expect(await lab(dir.path, ['run'])).toMatchObject({ exitCode: 7, stdout: '/ run', stderr: '' })
})

test('two at once install once', async () => {
  await using dir = await project('console.log("ran")')
  const both = await Promise.all([lab(dir.path), lab(dir.path)])
  expect(both.map(({ stdout }) => stdout)).toEqual(['ran', 'ran'])
  expect(both.filter(({ stderr }) => stderr.includes(INSTALLING))).toHaveLength(1)
})

test('never installs under a living lab, whose own children do not count', async () => {
  await using dir = await project(`
    import { spawn } from 'node:child_process'
    const child = spawn('sleep', ['30'], { detached: true, stdio: 'ignore' }); child.unref()
    console.log('alive', child.pid); setTimeout(() => {}, Number(process.argv[2] ?? 0))`)
  const installing = await lab(dir.path)
  const living = lab(dir.path, ['3000'])
  await new Promise((resolve) => { living.stdout.once('data', resolve) })
  await writeFile(join(dir.path, 'package-lock.json'), `${await readFile(join(dir.path, 'package-lock.json'), 'utf8')}\n`)
  const next = lab(dir.path)
  const order = await Promise.race([living.then(() => 'living first'), next.then(() => 'next first')])
  expect(order).toBe('living first')
  expect((await next).stderr).toBe(`${WAITING}\n${INSTALLING}`)
  const children = [installing, await living, await next].flatMap(({ stdout }) => [...stdout.matchAll(/alive (\d+)/g)].map(([, pid]) => Number(pid)))
  for (const pid of children) process.kill(pid)
}, 60_000)

test('without npm it says what to type, with exit 3', async () => {
  await using dir = await project('')
  const bin = join(dir.path, 'bin')
  await mkdir(bin)
  for (const name of ['bash', 'env', 'readlink', 'dirname', 'sha256sum', 'mkdir', 'flock', 'uname']) {
    const { stdout } = await execa('which', [name])
    await symlink(stdout, join(bin, name))
  }
  expect(await lab(dir.path, [], { PATH: bin })).toMatchObject({
    exitCode: 3, stderr: 'lab: npm is needed once, to install what package-lock.json pins; type: sudo apt-get install npm',
  })
})

test('when npm fails it says why on one screen, with exit 3, and tries again next time', async () => {
  await using dir = await project('console.log("ran")')
  await writeFile(join(dir.path, 'package.json'), JSON.stringify({ name: 'lab', version: '1.0.0', dependencies: { 'no-such-package-at-all': '1.0.0' } }))
  const { exitCode, stderr, stdout } = await lab(dir.path, [], { npm_config_registry: 'http://127.0.0.1:9/', npm_config_fetch_retries: '0' })
  expect({ exitCode, stdout }).toEqual({ exitCode: 3, stdout: '' })
  expect(stderr).toContain('lab: npm ci failed; it needs the npm registry once\nnpm error code ECONNREFUSED')
  expect(stderr.split('\n').length).toBeLessThan(15)
  await using whole = await project('')
  await copyFile(join(whole.path, 'package.json'), join(dir.path, 'package.json'))
  expect(await lab(dir.path)).toMatchObject({ exitCode: 0, stdout: 'ran' })
})

test('an interrupt while npm works ends it with 130 and the next call installs', async () => {
  await using dir = await project('console.log("ran")')
  const bin = join(dir.path, 'bin')
  await mkdir(bin)
  // npm that never comes to an end, as on a network that swallows everything.
  await writeFile(join(bin, 'npm'), '#!/bin/sh\nsleep 60\n', { mode: 0o755 })
  const child = execa(join(dir.path, 'lab'), [], { cwd: '/', env: { PATH: `${bin}:${path}` }, reject: false, detached: true })
  await new Promise((resolve) => { child.stderr.once('data', resolve) })
  await sleep(200)
  if (child.pid !== undefined) process.kill(-child.pid, 'SIGINT')
  expect(await child).toMatchObject({ exitCode: 130, stdout: '' })
  expect(await lab(dir.path)).toMatchObject({ exitCode: 0, stdout: 'ran' })
})
