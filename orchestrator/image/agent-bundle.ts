import { createHash } from 'node:crypto'
import { join } from 'node:path'
import esbuild from 'esbuild'
import { labFault } from '../host/errors.ts'

/** The agent as one file of JavaScript. */
export interface AgentBundle {
  readonly code: Uint8Array
  /** SHA-256 of the code, hex. */
  readonly hash: string
}

const AGENT = join(import.meta.dirname, '..', '..', 'guest-agent', 'main.ts')

/**
 * Bundles guest-agent/main.ts with all that it imports but koffi's binary, which the image has. ESM: koffi 3 does not work in a CJS bundle.
 * Throws LabError lab/AGENT_BUNDLE with what esbuild has to say.
 */
export const bundleAgent = async (entry: string = AGENT): Promise<AgentBundle> => {
  try {
    const { outputFiles } = await esbuild.build({
      entryPoints: [entry],
      bundle: true,
      write: false,
      platform: 'node',
      format: 'esm',
      target: 'node24',
      external: ['@koromix/*'],
      logLevel: 'silent',
    })
    const code = outputFiles[0]?.contents ?? new Uint8Array()
    return { code, hash: createHash('sha256').update(code).digest('hex') }
  } catch (cause) {
    const said = cause instanceof Error ? cause.message.split('\n') : []
    throw labFault('AGENT_BUNDLE', `the agent ${entry} cannot be bundled`, { cause, tail: said, hint: './lab test says more' })
  }
}
