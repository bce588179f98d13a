import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { type LabError, labFault } from '../host/errors.ts'
import { hostPath } from '../host/find-program.ts'
import { run } from '../host/spawn.ts'
import type { ToolCommand, ToolInvocation } from './tools.ts'

/**
 * The command that runs a program in the toolbox: the toolbox's files read-only, of the host's only what the invocation names,
 * processes of its own (they all end with it), no network unless asked for.
 */
export const sandboxed = (bwrap: string, root: string, invocation: ToolInvocation): ToolCommand => {
  const entering = [
    '--unshare-all', ...(invocation.network === true ? ['--share-net'] : []), '--die-with-parent',
    '--ro-bind', join(root, 'usr'), '/usr', '--tmpfs', '/usr/src', '--tmpfs', '/usr/local',
    ...['bin', 'sbin', 'lib', 'lib64'].flatMap((name) => ['--symlink', `usr/${name}`, `/${name}`]),
    '--ro-bind', join(root, 'etc'), '/etc',
    '--proc', '/proc', '--dev', '/dev', '--dev-bind-try', '/dev/kvm', '/dev/kvm', '--tmpfs', '/tmp',
    ...(invocation.network === true ? ['resolv.conf', 'hosts'].flatMap((name) => ['--ro-bind-try', `/etc/${name}`, `/etc/${name}`]) : []),
    ...binds(invocation),
    ...(invocation.cwd === undefined ? ['--chdir', '/tmp'] : ['--chdir', invocation.cwd]),
    '--clearenv', ...Object.entries(environment(invocation)).flatMap(([name, value]) => ['--setenv', name, value]),
    '--',
  ]
  return { file: bwrap, args: [...entering, invocation.program, ...invocation.args], programAt: entering.length, env: { PATH: hostPath() } }
}

/** Outer folders first: an inner one that may be written lies over an outer one that may only be read. */
const binds = ({ read = [], write = [] }: ToolInvocation): readonly string[] =>
  [...read.map((path) => ({ flag: '--ro-bind', path })), ...write.map((path) => ({ flag: '--bind', path }))]
    .toSorted((a, b) => a.path.length - b.path.length)
    .flatMap(({ flag, path }) => [flag, path, path])

/** Where the toolbox has its programs. */
export const TOOL_PATH = '/usr/sbin:/usr/bin'

const environment = (invocation: ToolInvocation): Readonly<Record<string, string>> => ({
  PATH: TOOL_PATH,
  LANG: 'C.UTF-8',
  HOME: '/tmp',
  ...(invocation.network === true ? proxies() : {}),
  ...invocation.env,
})

/** How this host reaches the network, in the words that apt and git understand. */
export const proxies = (): Readonly<Record<string, string>> => {
  const names = ['http_proxy', 'https_proxy', 'no_proxy', 'HTTP_PROXY', 'HTTPS_PROXY', 'NO_PROXY']
  return Object.fromEntries(names.flatMap((name) => {
    const value = process.env[name]
    return value === undefined ? [] : [[name, value]]
  }))
}

/** Whether the sandbox works here is found by trying. Throws lab/NO_SANDBOX with the one line that mends it. */
export const trySandbox = async (bwrap: string, root: string, signal: AbortSignal): Promise<void> => {
  try {
    await run(sandboxed(bwrap, root, { program: 'true', args: [] }), { what: 'entering the toolbox', signal, timeoutMs: 30_000 })
  } catch (error) {
    signal.throwIfAborted()
    throw await sandboxFault(bwrap, error)
  }
}

const sandboxFault = async (bwrap: string, cause: unknown): Promise<LabError> => {
  const appArmor = await kernelSetting('kernel/apparmor_restrict_unprivileged_userns')
  const cloning = await kernelSetting('kernel/unprivileged_userns_clone')
  const most = await kernelSetting('user/max_user_namespaces')
  const [because, hint] = appArmor === '1'
    ? ['AppArmor refuses user namespaces to it', `type: printf 'abi <abi/4.0>,\\nprofile bwrap ${bwrap} flags=(unconfined) {\\n  userns,\\n}\\n' | sudo tee /etc/apparmor.d/bwrap && sudo apparmor_parser -r /etc/apparmor.d/bwrap`]
    : cloning === '0'
      ? ['user namespaces are off (kernel.unprivileged_userns_clone=0)', 'type: sudo sysctl -w kernel.unprivileged_userns_clone=1']
      : most === '0'
        ? ['user namespaces are off (user.max_user_namespaces=0)', 'type: sudo sysctl -w user.max_user_namespaces=15000']
        : ['this host does not let it make its namespaces', 'in a container, allow user namespaces and an unmasked /proc; or run the lab as root; or set tools: \'host\' in lab.config.ts']
  const tail = cause instanceof Error && 'tail' in cause && Array.isArray(cause.tail) ? cause.tail.filter((line) => typeof line === 'string') : []
  return labFault('NO_SANDBOX', `${bwrap} cannot enter the toolbox: ${because}`, { hint, tail, cause })
}

const kernelSetting = async (path: string): Promise<string | undefined> => {
  try {
    return (await readFile(join('/proc/sys', path), 'utf8')).trim()
  } catch {
    return undefined
  }
}
