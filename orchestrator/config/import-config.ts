import { registerHooks } from 'node:module'
import { join } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { cleanLine } from '../host/clean-text.ts'
import { LabError, yours } from '../host/errors.ts'

/** A config computes values; one that waits for longer than this waits for something that never comes. */
const LIMIT_MS = 10_000

const ENTRY = pathToFileURL(join(import.meta.dirname, 'define-lab.ts')).href

/**
 * Runs a config file and returns its default export.
 * Throws LabError yours/CONFIG_THROWS with the place in the file: a syntax error, a throw, a missing import, no default export.
 */
export const importConfig = async (file: string): Promise<unknown> => {
  const url = pathToFileURL(file).href
  const started = performance.now()
  const deadline = Promise.withResolvers<never>()
  const timer = setTimeout(() => {
    deadline.reject(yours('CONFIG_THROWS', `${file} did not finish`, {
      durationMs: performance.now() - started,
      hint: 'its top-level await waits for something that never comes',
    }))
  }, LIMIT_MS)
  const hooks = resolveOwnName(url)
  try {
    const module: unknown = await Promise.race([import(url), deadline.promise])
    if (typeof module === 'object' && module !== null && 'default' in module) return module.default
  } catch (error) {
    throw configThrew(file, error)
  } finally {
    hooks.deregister()
    clearTimeout(timer)
  }
  throw yours('CONFIG_THROWS', `${file} exports no default`, { hint: 'write export default defineLab({ ... })' })
}

/** A copy of lab.config.ts works in any folder: `vfio-lab` is this project there too, and the file is a module whatever package.json is near. */
const resolveOwnName = (configUrl: string) =>
  registerHooks({
    resolve: (specifier, context, next) =>
      specifier === 'vfio-lab' ? { url: ENTRY, shortCircuit: true } : next(specifier, context),
    load: (url, context, next) =>
      next(url, url === configUrl && /\.m?ts$/.test(url) ? { ...context, format: 'module-typescript' } : context),
  })

const configThrew = (file: string, error: unknown): LabError => {
  if (error instanceof LabError && error.code === 'CONFIG_THROWS') return error
  const message = error instanceof Error ? error.message : String(error)
  const place = error instanceof Error ? placeIn(file, error.stack ?? '') : undefined
  return yours('CONFIG_THROWS', `${place ?? file}: ${cleanLine(message, 400)}`, {
    cause: error,
    ...(error instanceof LabError && error.hint !== undefined ? { hint: error.hint } : {}),
    ...(error instanceof SyntaxError ? { tail: excerpt(error.stack ?? '') } : {}),
  })
}

/** `/home/me/lab.config.ts:3:29`, the innermost place of the stack in this file. */
const placeIn = (file: string, stack: string): string | undefined => {
  const url = pathToFileURL(file).href
  const line = stack.split('\n').find((text) => text.includes(`${url}:`))
  const position = line === undefined ? undefined : /^:(\d+(?::\d+)?)/.exec(line.slice(line.indexOf(url) + url.length))?.[1]
  return position === undefined ? undefined : `${fileURLToPath(url)}:${position}`
}

/** The lines of source that Node shows above the message of a syntax error. */
const excerpt = (stack: string): readonly string[] => {
  const lines = stack.split('\n')
  const end = lines.findIndex((line) => line.startsWith('SyntaxError'))
  return lines.slice(1, Math.max(1, end)).filter((line) => line.trim() !== '').slice(0, 6).map((line) => cleanLine(line, 160))
}
