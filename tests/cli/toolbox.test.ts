import { readdir, readFile, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { execa } from 'execa'
import fc from 'fast-check'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { run, start } from '../../orchestrator/host/spawn.ts'
import { compareDebianVersions } from '../../orchestrator/toolbox/debian-version.ts'
import { openTools } from '../../orchestrator/toolbox/open-tools.ts'
import type { OpenedTools } from '../../orchestrator/toolbox/open-toolbox.ts'
import type { ToolInvocation } from '../../orchestrator/toolbox/tools.ts'
import { temporaryDir } from '../lab-process.ts'

let tools: OpenedTools
beforeAll(async () => { tools = await openTools('toolbox', { notice: () => undefined, signal: new AbortController().signal }) })
afterAll(async () => { await tools[Symbol.asyncDispose]() })

const inToolbox = (script: string, more: Partial<ToolInvocation> = {}) => run(tools.command({ program: 'sh', args: ['-c', script], ...more }), { what: 'the test' })

test('has every program that the lab starts, of the versions that it names', async () => {
  const { stdout } = await inToolbox('qemu-system-x86_64 --version; gcc --version; make --version; mkfs.erofs --version; busybox; dropbear -V 2>&1; awk --version; which git')
  const plain = (tool: string) => /^(?:\d+:)?([\d.]+)/.exec(tools.versions[tool] ?? '')?.[1] ?? 'missing'
  for (const tool of ['qemu', 'gcc', 'make', 'busybox', 'mkfs.erofs']) expect(stdout).toContain(plain(tool).replace(/\.0$/, ''))
  expect(Number(plain('qemu').split('.')[0])).toBeGreaterThanOrEqual(11)
  expect(stdout).toMatch(/Dropbear v.*GNU Awk.*\/git\n$/s)
})

test('nothing of the host is seen but what is named', async () => {
  await using dir = await temporaryDir()
  await writeFile(join(dir.path, 'secret'), 'secret')
  expect((await inToolbox(`ls ${dir.path} || echo none`)).stdout).toBe('none\n')
  expect((await inToolbox('ls /home /root 2> /dev/null || echo none')).stdout).toBe('none\n')
  expect((await inToolbox(`cat ${dir.path}/secret; echo x 2> /dev/null > ${dir.path}/secret || echo read-only`, { read: [dir.path] })).stdout).toBe('secretread-only\n')
  await inToolbox('echo written > secret', { write: [dir.path], cwd: dir.path })
  expect(await readFile(join(dir.path, 'secret'), 'utf8')).toBe('written\n')
  expect((await inToolbox('echo x > /usr/x || echo read-only')).stdout).toBe('read-only\n')
})

test('the host\'s network is reached only when asked for', async () => {
  const links = 'tail -n +3 /proc/net/dev | wc -l; wc -l < /proc/net/route'
  const [, hidden] = (await inToolbox(links)).stdout.trim().split('\n')
  const [, shared] = (await inToolbox(links, { network: true })).stdout.trim().split('\n')
  expect(Number(hidden)).toBeLessThanOrEqual(1)
  expect(Number(shared)).toBe((await readFile('/proc/net/route', 'utf8')).trim().split('\n').length)
})

test('the environment is the lab\'s own', async () => {
  const { stdout } = await inToolbox('env | sort | cut -d= -f1', { env: { KBUILD_BUILD_USER: 'lab' } })
  expect(stdout.trim().split('\n')).toEqual(['HOME', 'KBUILD_BUILD_USER', 'LANG', 'PATH', 'PWD'])
})

test('all processes inside end with the group outside', async () => {
  await using dir = await temporaryDir()
  {
    await using child = await start(tools.command({ program: 'sh', args: ['-c', 'setsid sh -c "while :; do echo x >> alive; sleep 0.05; done" & wait'], write: [dir.path], cwd: dir.path }), { what: 'the test' })
    child.stdout.resume()
    child.stderr.resume()
    while (!(await readdir(dir.path)).includes('alive')) await sleep(20)
  }
  const { size } = await stat(join(dir.path, 'alive'))
  await sleep(300)
  expect((await stat(join(dir.path, 'alive'))).size).toBe(size)
})

test('the CPU time of what runs inside is told', async () => {
  expect((await inToolbox('i=0; while [ $i -lt 500000 ]; do i=$((i+1)); done')).cpuMs).toBeGreaterThan(100)
})

test('versions compare as dpkg compares them', async () => {
  const word = fc.string({ unit: fc.constantFrom('0', '1', '9', 'a', 'Z', '.', '+', '~'), maxLength: 6 }).map((text) => `1${text}`)
  const version = fc.tuple(fc.constantFrom('', '1:', '2:'), word, fc.constantFrom('', '-1', '-1~bpo1', '-0')).map((parts) => parts.join(''))
  const pairs = fc.sample(fc.tuple(version, version), 300)
  const script = pairs.map(([a, b]) => `dpkg --compare-versions '${a}' lt '${b}' && echo -1 || { dpkg --compare-versions '${a}' eq '${b}' && echo 0 || echo 1; }`).join('\n')
  const { stdout } = await inToolbox(script)
  expect(pairs.map(([a, b]) => Math.sign(compareDebianVersions(a, b)))).toEqual(stdout.trim().split('\n').map(Number))
})

const program = [process.execPath, fileURLToPath(import.meta.resolve('./open-toolbox.ts'))] as const

/** Opens the toolbox with this cache in a process of its own; `around` are words before the command. */
const opening = (cache: string, around: readonly string[] = [], env: Readonly<Record<string, string>> = {}) => {
  const [file, ...args] = [...around, ...program] as const
  return execa(file, args, { env: { VFIO_LAB_CACHE: cache, ...env }, reject: false, detached: true })
}
const visible = async (folder: string): Promise<readonly string[]> => (await readdir(folder).catch(() => [])).filter((name) => !name.endsWith('.lock'))

test('a half-made toolbox is never used, and two labs at once make one', async () => {
  await using cache = await temporaryDir()
  const folder = join(cache.path, 'toolbox')
  const killed = opening(cache.path)
  while (!(await visible(folder)).some((name) => name.includes('.aside-'))) await sleep(50)
  await sleep(3000)
  killed.kill('SIGKILL')
  await killed
  expect((await visible(folder)).every((name) => name.includes('.aside-'))).toBe(true)

  const both = await Promise.all([opening(cache.path), opening(cache.path)])
  const said = both.map(({ stdout }) => stdout)
  expect(said.filter((text) => text.includes('making the toolbox, once'))).toHaveLength(1)
  expect(said.filter((text) => text.includes('another lab is making the toolbox; waiting for it'))).toHaveLength(1)
  const ids = said.map((text) => /"id":"(\w+)"/.exec(text)?.[1])
  expect(ids[0]).toMatch(/^\w{16}$/)
  expect(ids[1]).toBe(ids[0])
  expect((await visible(folder)).filter((name) => !name.startsWith('.'))).toHaveLength(1)
})

test('an interrupt while it is made leaves nothing', async () => {
  await using cache = await temporaryDir()
  const child = opening(cache.path)
  while ((await visible(join(cache.path, 'toolbox'))).length === 0) await sleep(50)
  await sleep(1500)
  child.kill('SIGINT')
  expect((await child).stdout).toContain('"Interrupted"')
  expect(await visible(join(cache.path, 'toolbox'))).toEqual([])
})

test('no network on first use is told on one screen and leaves nothing', async () => {
  await using cache = await temporaryDir()
  const { stdout } = await opening(cache.path, ['bwrap', '--dev-bind', '/', '/', '--unshare-net'])
  expect(stdout).toMatch(/"kind":"lab","code":"NO_NETWORK","message":"making the toolbox: deb\.debian\.org cannot be reached/)
  expect(stdout.length).toBeLessThan(2000)
  expect(await visible(join(cache.path, 'toolbox'))).toEqual([])
})

test('a keyring that does not know the archive\'s key is named', async () => {
  await using cache = await temporaryDir()
  const [keyring, old] = ['/usr/share/keyrings/debian-archive-keyring.gpg', '/usr/share/keyrings/debian-archive-removed-keys.gpg']
  const { stdout } = await opening(cache.path, ['bwrap', '--dev-bind', '/', '/', '--ro-bind', old, keyring])
  expect(stdout).toMatch(/"code":"KEYRING_TOO_OLD","message":"\/usr\/share\/keyrings\/debian-archive-keyring\.gpg \(debian-archive-keyring [\d.]+/)
})

test('a full disk is named with what is free', async () => {
  await using cache = await temporaryDir()
  const { stdout } = await opening(cache.path, ['bwrap', '--dev-bind', '/', '/', '--size', '200000000', '--tmpfs', cache.path])
  expect(stdout).toMatch(new RegExp(`"code":"NO_SPACE","message":"making the toolbox: no space left in ${cache.path}.*MiB free`))
})

test('a host that lacks packages and gives no root says what to type', async () => {
  await using cache = await temporaryDir()
  const around = ['bwrap', '--dev-bind', '/', '/', '--unshare-user', '--uid', '12345', '--gid', '12345', '--ro-bind', '/dev/null', '/usr/bin/mmdebstrap', '--ro-bind-try', '/dev/null', '/usr/bin/sudo', '--bind', cache.path, '/mnt']
  const { stdout } = await opening('/mnt', around)
  expect(stdout).toMatch(/"code":"HOST_PACKAGES".*"hint":"type: sudo apt-get install --yes --no-install-recommends mmdebstrap"/)
})

test('a host without user namespaces gets the one line that mends it', async () => {
  const around = ['unshare', '--user', '--map-current-user', '--keep-caps', 'sh', '-c', 'echo 0 > /proc/sys/user/max_user_namespaces && exec setpriv --bounding-set -all --ambient-caps -all --inh-caps -all -- "$@"', 'sh']
  const { stdout } = await opening(process.env['VFIO_LAB_CACHE'] ?? '', around)
  expect(stdout).toMatch(/"code":"NO_SANDBOX".*"hint":"type: sudo sysctl -w user\.max_user_namespaces=15000"/)
})
