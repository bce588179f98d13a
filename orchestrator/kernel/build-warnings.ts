import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { z } from 'zod'
import { cleanLine } from '../host/clean-text.ts'

const warning = z.strictObject({
  /** In the tree; `vmlinux.o` and the like for what is told when all of it is linked. */
  file: z.string(),
  /** From 1; 0: it is told of the whole file. */
  line: z.number(),
  text: z.string(),
})

/** What the compiler, objtool or modpost warns of. */
export type BuildWarning = z.infer<typeof warning>

export const buildWarnings = z.array(warning).readonly()

/** Beside the objects: what was warned of when each was compiled, for it is said only then. */
const FILE = '.lab-warnings.json'

const MOST_WARNINGS = 200

export interface WarningListener {
  readonly hear: (line: string) => void
  /** All warnings of the object tree as it is now. Call it whether make went well or not. */
  readonly settle: () => Promise<readonly BuildWarning[]>
}

/** Hears what make says of one object tree. Those of objects that are not compiled again are remembered from before. */
export const listenForWarnings = async (objects: string): Promise<WarningListener> => {
  const path = join(objects, FILE)
  const before = await readBefore(path)
  const compiled = new Set<string>(['vmlinux.o', 'vmlinux'])
  const heard: BuildWarning[] = []
  return {
    hear: (line) => {
      const object = /^ {2}(?:CC|AS|HOSTCC) +(?:\[M\] +)?(\S+)\.o$/.exec(line)?.[1]
      if (object !== undefined) compiled.add(object)
      const told = warningOf(line)
      if (told !== undefined && heard.length < MOST_WARNINGS) heard.push(told)
    },
    settle: async () => {
      const kept = before.filter(({ file }) => !compiled.has(file) && !compiled.has(file.replace(/\.[cS]$/, '')))
      const all = [...kept, ...heard].slice(0, MOST_WARNINGS)
      await writeFile(path, JSON.stringify(all))
      return all
    },
  }
}

/** A line of make's output; undefined: it is no warning. The object tree lies in the source tree: paths begin with `../`. */
export const warningOf = (line: string): BuildWarning | undefined => {
  const compiler = /^(?:\.\.\/)?([\w.+/-]+):(\d+)(?::\d+)?: [Ww]arning: (.+)$/.exec(line)
  if (compiler !== null) return { file: compiler[1] ?? '', line: Number(compiler[2]), text: cleanLine(compiler[3] ?? '', 300) }
  const objtool = /^([\w.+/-]+\.o): warning: (objtool: .+)$/.exec(line)
  if (objtool !== null) return { file: objtool[1] ?? '', line: 0, text: cleanLine(objtool[2] ?? '', 300) }
  const modpost = /^WARNING: (modpost: .+)$/.exec(line)
  return modpost === null ? undefined : { file: 'vmlinux', line: 0, text: cleanLine(modpost[1] ?? '', 300) }
}

const readBefore = async (path: string): Promise<readonly BuildWarning[]> => {
  try {
    return buildWarnings.parse(JSON.parse(await readFile(path, 'utf8')))
  } catch {
    // An object tree that is new, or whose lab was killed while it wrote.
    return []
  }
}
