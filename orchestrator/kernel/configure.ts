import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { type AskedConfig, askedText } from './asked-config.ts'
import { make, type MakeContext, type MakeResult } from './make.ts'

/** Writes the .config of an object tree: tinyconfig, what was asked on top of it, and olddefconfig to fill in the rest. */
export type Configure = (asked: AskedConfig, context: MakeContext) => Promise<MakeResult>

/** For the configs of one source state: all of them begin with the same tinyconfig, which is made once. */
export const configurer = (): Configure => {
  let tinyConfig: string | undefined
  return async (asked, context) => {
    const dotConfig = join(context.objects, '.config')
    let cpuMs = 0
    if (tinyConfig === undefined) {
      const made = await make(['tinyconfig'], context)
      if (!made.ok) return made
      cpuMs = made.cpuMs
      tinyConfig = await readFile(dotConfig, 'utf8')
    }
    await writeFile(dotConfig, `${tinyConfig}${askedText(asked.asked)}`)
    const filled = await make(['olddefconfig'], context)
    return filled.ok ? { ok: true, cpuMs: cpuMs + filled.cpuMs } : filled
  }
}
