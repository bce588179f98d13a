import { findProgram } from '../host/find-program.ts'
import { run } from '../host/spawn.ts'

/** The way to the network and how old an index may be: what an administrator sets for this host, its proxy or its frozen mirror. */
const OURS_TOO = /^Acquire::(?:https?::Proxy(?:::[\w.-]+)?|ForceIPv[46]|Check-Valid-Until|Check-Date|Max-ValidTime(?:::[\w.-]+)?)=./

/** What the host's apt is configured with and the toolbox's apt must know, as `Name=value`; nothing on a host without apt. mmdebstrap does the same by itself. */
export const hostAptSettings = async (signal: AbortSignal): Promise<readonly string[]> => {
  if (await findProgram('apt-config') === undefined) return []
  const { stdout } = await run({ file: 'apt-config', args: ['dump', '--no-empty', '--format', '%f=%v%n', 'Acquire'] }, { what: 'reading this host\'s apt configuration', signal, timeoutMs: 20_000 })
  return stdout.split('\n').filter((line) => OURS_TOO.test(line))
}
