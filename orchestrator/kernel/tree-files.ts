import { existsSync } from 'node:fs'
import { mkdir, readFile, realpath, writeFile } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { buffer } from 'node:stream/consumers'
import { cleanLine } from '../host/clean-text.ts'
import { labFault } from '../host/errors.ts'
import { start } from '../host/spawn.ts'
import type { Tools } from '../toolbox/tools.ts'

/**
 * A path in a tree, its bytes as Latin-1 characters: file names are bytes, and this keeps odd ones apart.
 * `Buffer.from(path, 'latin1')` gives the bytes back.
 */
export type TreePath = string

/**
 * What a build in place leaves behind and a tree without its .gitignore files does not name. Kbuild refuses to build
 * beside a source tree that has .config, include/config or arch/<arch>/include/generated.
 */
const BUILD_PRODUCTS = [
  '*.o', '*.a', '*.ko', '*.mod', '*.mod.c', '*.o.d', '.*.cmd', '/.config', '/.config.old', '/.tmp_*', '/.vmlinux*', '/vmlinux',
  '/vmlinux.*', '/System.map', '/Module.symvers', 'modules.order', '/modules.builtin*', '/include/config/', '/include/generated/',
  '/arch/*/include/generated/', '/arch/*/boot/bzImage', '/.objects-*',
]

/**
 * The source files of a kernel tree, sorted by bytes: tracked and untracked ones, no build products; of a tracked file that
 * was deleted the name is still there. `scratch` is a folder for what git needs; nothing is written to `dir`.
 */
export const listTreeFiles = async (dir: string, tools: Tools, scratch: string, signal: AbortSignal): Promise<readonly TreePath[]> => {
  const overrides = (await topLevelOverrides(dir)).map((pattern) => `--exclude=${pattern}`)
  const folders = await gitFolders(dir)
  const list = (args: readonly string[], beside: readonly string[]) =>
    gitList(dir, [...args, ...overrides], [dir, ...beside], tools, signal)
  const listed = folders === undefined
    ? await list([`--git-dir=${await emptyRepository(scratch)}`, `--work-tree=${dir}`, 'ls-files', '-o'], [scratch])
    : await list(['ls-files', '-c', '-o'], folders)
  // A folder at the end of a listing is a repository inside the tree; objects of ours are nobody's source.
  return [...new Set(listed)].filter((path) => path !== '' && !path.endsWith('/') && !path.startsWith('.objects-')).toSorted()
}

const gitList = async (
  dir: string, args: readonly string[], read: readonly string[], tools: Tools, signal: AbortSignal,
): Promise<readonly TreePath[]> => {
  const command = tools.command({
    program: 'git',
    // The tree may be another user's, and its configuration may name programs to be run: neither concerns a list of files.
    args: ['-c', 'safe.directory=*', '-c', 'core.fsmonitor=false', '-c', 'core.untrackedCache=false', ...args, '--exclude-standard', '-z'],
    read,
    cwd: dir,
    env: { GIT_OPTIONAL_LOCKS: '0', LC_ALL: 'C' },
  })
  const what = `listing the files of ${dir}`
  await using git = await start(command, { what, signal })
  git.stdin.end()
  git.extra.resume()
  const [stdout, stderr, exit] = await Promise.all([buffer(git.stdout), buffer(git.stderr), git.exited])
  signal.throwIfAborted()
  if (exit.code !== 0) {
    const tail = stderr.toString('utf8').trim().split('\n').slice(-5).map((line) => cleanLine(line, 300))
    throw labFault('TOOL_FAILED', `${what}: git ended with ${exit.signal ?? `status ${exit.code ?? 'unknown'}`}`, { tail })
  }
  return stdout.toString('latin1').split('\0')
}

/** An empty repository lets git judge a tree that is none, by the tree's .gitignore files. */
const emptyRepository = async (scratch: string): Promise<string> => {
  const gitDir = join(scratch, 'empty.git')
  await mkdir(join(gitDir, 'objects'), { recursive: true })
  await mkdir(join(gitDir, 'refs'), { recursive: true })
  await mkdir(join(gitDir, 'info'), { recursive: true })
  await writeFile(join(gitDir, 'HEAD'), 'ref: refs/heads/none\n')
  await writeFile(join(gitDir, 'info', 'exclude'), BUILD_PRODUCTS.map((pattern) => `${pattern}\n`).join(''))
  return gitDir
}

/**
 * Debian's kernel sources end their top .gitignore with `/*`: there, git would find nothing but tracked files. Given on the command line,
 * where patterns weigh most, these bring the top-level entries back and then repeat the file's other rules for that level.
 */
const topLevelOverrides = async (dir: string): Promise<readonly string[]> => {
  const text = await readFile(join(dir, '.gitignore'), 'utf8').catch(() => '')
  const rules = text.split(/\r?\n/).filter((line) => line.trim() !== '' && !line.startsWith('#'))
  const isCatchAll = (rule: string) => /^\/?\*\*?$/.test(rule.trim())
  if (!rules.some(isCatchAll)) return []
  return ['!/*', ...rules.filter((rule) => !isCatchAll(rule)).flatMap(anchored)]
}

const anchored = (rule: string): readonly string[] => {
  const [, negation = '', pattern = ''] = /^(!?)(.*)$/.exec(rule) ?? []
  if (pattern.startsWith('/')) return [rule]
  return pattern.slice(0, -1).includes('/') ? [] : [`${negation}/${pattern}`]
}

/**
 * The folders that git must see beside a tree with a .git: none, unless .git is a file that points elsewhere (a worktree). A bare
 * repository has none either. Undefined: it is no repository.
 */
export const gitFolders = async (dir: string): Promise<readonly string[] | undefined> => {
  const dotGit = join(dir, '.git')
  if (existsSync(join(dotGit, 'HEAD')) || (existsSync(join(dir, 'HEAD')) && existsSync(join(dir, 'objects')))) return []
  const pointer = await readFile(dotGit, 'utf8').catch(() => '')
  const target = /^gitdir: (.+)$/m.exec(pointer)?.[1]
  if (target === undefined) return undefined
  const gitDir = resolve(dir, target)
  if (!existsSync(join(gitDir, 'HEAD'))) return undefined
  const common = await readFile(join(gitDir, 'commondir'), 'utf8').catch(() => '.')
  return Promise.all([gitDir, resolve(gitDir, common.trim())].map((folder) => realpath(folder)))
}
