import { createHash } from 'node:crypto'
import { existsSync } from 'node:fs'
import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { getCACertificates } from 'node:tls'
import { cacheDir } from '../host/cache.ts'
import { cleanLine } from '../host/clean-text.ts'
import { namingFullDisk } from '../host/disk-full.ts'
import { LabError, labFault, yours } from '../host/errors.ts'
import { lock } from '../host/lock.ts'
import { run } from '../host/spawn.ts'
import { namingNoNetwork } from '../toolbox/network-fault.ts'
import type { SourceContext } from './kernel-source.ts'
import { slotNameOf } from './source-slot.ts'

/** A bare repository in the cache that holds commits of one on the network, each without its history. */
interface Mirror {
  readonly url: string
  readonly dir: string
  readonly ask: (args: readonly string[]) => Promise<string>
}

/**
 * Fetches a commit, a branch or a tag of a repository on the network; what is there already is not fetched again, and without network
 * what a name meant last time is used, with a notice. Resolves to the repository in the cache and the commit's full name.
 * Throws yours/NOT_A_REPOSITORY, NO_SUCH_REF, lab/NO_NETWORK, UNTRUSTED_SERVER, NO_SPACE.
 */
export const fetchCommit = async (url: string, ref: string, context: SourceContext): Promise<{ readonly dir: string; readonly commit: string }> => {
  const dir = `${cacheDir('kernel', 'git', slotNameOf('git', url))}.git`
  await mkdir(dir, { recursive: true })
  await using _ = await lock(`${dir}.lock`, { signal: context.signal, onWait: () => { context.notice(`another lab fetches from ${url}; waiting for it`) } })
  const mirror = await openMirror(url, dir, context)
  const kept = `refs/lab/${createHash('sha256').update(ref).digest('hex').slice(0, 16)}`
  try {
    return { dir, commit: await namingFullDisk(`fetching ${url}`, dir, () => newest(mirror, ref, kept, context)) }
  } catch (error) {
    const before = await known(mirror, kept)
    if (!(error instanceof LabError && error.code === 'NO_NETWORK') || before === undefined) throw error
    context.notice(`${url} cannot be reached: ${ref} is what it was when it was fetched last, ${before.slice(0, 12)}`)
    return { dir, commit: before }
  }
}

const openMirror = async (url: string, dir: string, { tools, signal }: SourceContext): Promise<Mirror> => {
  // The toolbox has none of its own; this host's may hold one for its proxy.
  const authorities = join(dir, 'lab-authorities.pem')
  await writeFile(authorities, (['bundled', 'system', 'extra'] as const).flatMap((store) => getCACertificates(store)).join('\n'))
  const ask = async (args: readonly string[]): Promise<string> => {
    const command = tools.command({
      program: 'git', args, write: [dir], cwd: dir, network: true,
      // A repository on this host is one, too.
      ...(url.startsWith('file://') ? { read: [url.slice('file://'.length)] } : {}),
      env: { LC_ALL: 'C', GIT_TERMINAL_PROMPT: '0', GIT_SSL_CAINFO: authorities, GIT_CONFIG_COUNT: '1', GIT_CONFIG_KEY_0: 'safe.directory', GIT_CONFIG_VALUE_0: '*' },
    })
    try {
      return (await run(command, { what: `git ${args[0] ?? ''} ${url}`, signal, writes: [dir] })).stdout.trimEnd()
    } catch (error) {
      throw namingNoNetwork(error, `fetching ${url}`, hostOf(url))
    }
  }
  if (!existsSync(join(dir, 'HEAD'))) await ask(['init', '--quiet', '--bare', '.'])
  return { url, dir, ask }
}

/** What the name means there now; in the mirror afterwards, under `kept`. */
const newest = async (mirror: Mirror, ref: string, kept: string, { onText }: SourceContext): Promise<string> => {
  const isCommit = /^[0-9a-f]{40}$/.test(ref)
  if (isCommit && await has(mirror, ref)) return ref
  onText(`asking ${mirror.url} for ${ref}`)
  const there = isCommit ? { name: ref, commit: ref } : await lookUp(mirror, ref)
  if (await has(mirror, there.commit)) await mirror.ask(['update-ref', kept, there.commit])
  else {
    onText(`fetching ${ref} from ${mirror.url}, once`)
    await refused(mirror, ref, () => mirror.ask(['fetch', '--quiet', '--depth=1', '--no-tags', mirror.url, `+${there.name}:${kept}`]))
  }
  return mirror.ask(['rev-parse', '--verify', `${kept}^{commit}`])
}

const has = async ({ ask }: Mirror, commit: string): Promise<boolean> => {
  try {
    await ask(['cat-file', '-e', `${commit}^{commit}`])
    return true
  } catch (error) {
    if (error instanceof LabError && error.code === 'TOOL_FAILED') return false
    throw error
  }
}

const known = async ({ ask }: Mirror, kept: string): Promise<string | undefined> => {
  try {
    return await ask(['rev-parse', '--verify', '--quiet', `${kept}^{commit}`])
  } catch {
    return undefined
  }
}

/** A tag goes before a branch, as everywhere in git. */
const lookUp = async (mirror: Mirror, ref: string): Promise<{ readonly name: string; readonly commit: string }> => {
  const lines = (await refused(mirror, ref, () => mirror.ask(['ls-remote', mirror.url, ref, `${ref}^{}`]))).split('\n').flatMap((line) => {
    const [commit, name] = line.split('\t')
    return commit === undefined || name === undefined ? [] : [{ commit, name }]
  })
  const found = [ref, `refs/tags/${ref}`, `refs/heads/${ref}`].map((name) => lines.find((line) => line.name === name)).find((line) => line !== undefined)
  if (found === undefined) throw yours('NO_SUCH_REF', `${mirror.url} has no branch or tag ${cleanLine(ref, 100)}`, { hint: 'a commit must be said in full, with 40 digits' })
  // An annotated tag stands for the commit that it names.
  return { name: found.name, commit: lines.find(({ name }) => name === `${found.name}^{}`)?.commit ?? found.commit }
}

const refused = async <T>({ url }: Mirror, ref: string, work: () => Promise<T>): Promise<T> => {
  try {
    return await work()
  } catch (error) {
    if (!(error instanceof LabError) || error.code !== 'TOOL_FAILED') throw error
    const said = error.tail.join('\n')
    if (/not our ref|couldn't find remote ref|unadvertised object/i.test(said)) throw yours('NO_SUCH_REF', `${url} does not give ${cleanLine(ref, 100)}`, { hint: 'a server may give only branches and tags', cause: error })
    if (/certificate|server verification/i.test(said)) throw labFault('UNTRUSTED_SERVER', `${url}: the server's certificate is not trusted on this host`, { hint: 'is there a proxy? its certificate belongs to those of the host, or into NODE_EXTRA_CA_CERTS', tail: error.tail.slice(-2), cause: error })
    throw yours('NOT_A_REPOSITORY', `${url} is no repository that git can read`, { hint: 'https://, http:// and git:// are understood', tail: error.tail.slice(-3), cause: error })
  }
}

const hostOf = (url: string): string => (URL.canParse(url) ? new URL(url).host : url)
