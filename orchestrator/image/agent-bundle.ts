import { createHash } from 'node:crypto'
import { join } from 'node:path'
import esbuild, { type BuildOptions, type Plugin } from 'esbuild'
import { labFault } from '../host/errors.ts'

/** The agent as one file of JavaScript, an ES module: as main it serves its standard input and output. */
export interface AgentBundle {
  readonly code: Uint8Array
  /** SHA-256 of the code, hex. */
  readonly hash: string
}

export const AGENT_ENTRY = join(import.meta.dirname, '..', '..', 'guest-agent', 'main.ts')

/**
 * Bundles guest-agent/main.ts with all that it imports but koffi's binary, for the host.
 * Throws LabError lab/AGENT_BUNDLE with what esbuild has to say.
 */
export const bundleAgent = async (entry: string = AGENT_ENTRY): Promise<AgentBundle> => {
  const code = await bundled(entry, { format: 'esm' })
  return { code, hash: createHash('sha256').update(code).digest('hex') }
}

/** The same for the guest: a CommonJS script whose `serve` the launcher calls; only scripts have a code cache that can be made beforehand. */
export const agentScript = (entry: string, path: string): Promise<Uint8Array> =>
  bundled(entry, {
    format: 'cjs',
    plugins: [koffiOfLauncher],
    // What a script does not have, koffi needs.
    define: { 'import.meta.main': 'false', 'import.meta.url': JSON.stringify(`file://${path}`), 'import.meta.dirname': '"/run"' },
  })

const bundled = async (entry: string, options: BuildOptions): Promise<Uint8Array> => {
  try {
    const { outputFiles } = await esbuild.build({
      ...options,
      entryPoints: [entry],
      bundle: true,
      write: false,
      platform: 'node',
      target: 'node24',
      external: ['@koromix/*'],
      logLevel: 'silent',
    })
    return outputFiles[0]?.contents ?? new Uint8Array()
  } catch (cause) {
    const said = cause instanceof Error ? cause.message.split('\n') : []
    throw labFault('AGENT_BUNDLE', `the agent ${entry} cannot be bundled`, { cause, tail: said, hint: './lab test says more' })
  }
}

/** Koffi looks for its binary through a `require` of its own; the one that the launcher gives to the script has it loaded already. */
const koffiOfLauncher: Plugin = {
  name: 'koffi-of-launcher',
  setup: (build) => {
    build.onLoad({ filter: /[\\/]koffi[\\/]src[\\/]static\.js$/ }, () => ({ contents: "export const loadStatic = (name) => require(`@koromix/koffi-${name}`)" }))
  },
}
