import { createHash, randomBytes } from 'node:crypto'
import { mkdir, readFile, rename, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { cacheDir } from '../host/cache.ts'
import { unlessMissing } from '../host/unless-missing.ts'
import { type AskedConfig, askedText } from './asked-config.ts'
import { make, type MakeContext, type MakeResult } from './make.ts'

/** Writes the .config of an object tree: tinyconfig, what was asked on top of it, and olddefconfig to fill in the rest. */
export type Configure = (asked: AskedConfig, context: MakeContext) => Promise<MakeResult>

/**
 * For the configs of one source. All begin with the same tinyconfig, which is made once. A result is kept for the next state
 * of the source with the same `configKey` (PreparedSource): then Kconfig need not run at all, and a .config that stays as it is
 * costs make nothing either.
 */
export const configurer = (configKey: string): Configure => {
  let tinyConfig: string | undefined
  return async (asked, context) => {
    const dotConfig = join(context.objects, '.config')
    const kept = keptConfig(configKey, asked, context)
    const known = await unlessMissing(readFile(kept, 'utf8'))
    if (known !== undefined) {
      if (await unlessMissing(readFile(dotConfig, 'utf8')) !== known) await writeFile(dotConfig, known)
      return { ok: true, cpuMs: 0 }
    }
    let cpuMs = 0
    if (tinyConfig === undefined) {
      const made = await make(['tinyconfig'], context)
      if (!made.ok) return made
      cpuMs = made.cpuMs
      tinyConfig = await readFile(dotConfig, 'utf8')
    }
    await writeFile(dotConfig, `${tinyConfig}${askedText(asked.asked)}`)
    const filled = await make(['olddefconfig'], context)
    if (!filled.ok) return filled
    // The host's own tools may change in ways that no version tells; the toolbox does not.
    if (context.tools.kind === 'toolbox') await keep(kept, await readFile(dotConfig, 'utf8'))
    return { ok: true, cpuMs: cpuMs + filled.cpuMs }
  }
}

const keptConfig = (configKey: string, asked: AskedConfig, { tools }: MakeContext): string => {
  const all = JSON.stringify([configKey, tools.id, askedText(asked.asked)])
  return cacheDir('kernel', 'configs', createHash('sha256').update(all).digest('hex').slice(0, 32))
}

const keep = async (path: string, text: string): Promise<void> => {
  await mkdir(dirname(path), { recursive: true })
  const aside = `${path}.${randomBytes(6).toString('hex')}`
  await writeFile(aside, text)
  await rename(aside, path)
}
