import { readdir, readFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { unlessMissing } from '../host/unless-missing.ts'
import type { KnownSymbols } from './asked-config.ts'
import type { Expression } from './kconfig-expression.ts'
import { type Block, parseKconfigFile } from './kconfig-file.ts'

/** One `config X` entry; a symbol may have several, in several files. */
export interface KconfigDefinition {
  /** Path in the tree and line: `drivers/vfio/Kconfig:33`. */
  readonly at: string
  /** All must hold: its own, and those of the blocks around it. */
  readonly depends: readonly Expression[]
  /** When a person could set it; `no`: only others set it. */
  readonly prompt: 'no' | { readonly when: Expression | undefined }
  readonly inChoice: boolean
}

/** X selects or implies the symbol, when X is set and the condition holds. */
export interface KconfigSelect {
  readonly by: string
  readonly kind: 'select' | 'imply'
  readonly when: Expression | undefined
}

/** What the Kconfig files of a tree say, as far as it tells why a symbol is on or off. */
export interface Kconfig extends KnownSymbols {
  definitions(symbol: string): readonly KconfigDefinition[]
  selects(symbol: string): readonly KconfigSelect[]
}

/** make's variables in Kconfig paths; the lab builds for x86 only. */
const VARIABLES: Readonly<Record<string, string>> = { SRCARCH: 'x86', ARCH: 'x86', HEADER_ARCH: 'x86' }

/** Reads a kernel tree's Kconfig from its root, for x86; symbols of other architectures are known by name only. */
export const readKconfig = async (tree: string, signal: AbortSignal): Promise<Kconfig> => {
  const ours = collector(signal)
  await readInto(ours, tree, 'Kconfig', [])
  const foreign = collector(signal)
  for (const arch of await readdir(join(tree, 'arch'), { withFileTypes: true })) {
    if (arch.isDirectory() && arch.name !== VARIABLES['SRCARCH']) await readInto(foreign, tree, `arch/${arch.name}/Kconfig`, [])
  }
  return {
    has: (symbol) => ours.definitions.has(symbol) || foreign.definitions.has(symbol),
    names: () => [...ours.definitions.keys()],
    definitions: (symbol) => ours.definitions.get(symbol) ?? [],
    selects: (symbol) => ours.selects.get(symbol) ?? [],
  }
}

interface MutableDefinition {
  readonly at: string
  readonly depends: Expression[]
  prompt: KconfigDefinition['prompt']
  readonly inChoice: boolean
}

interface Collector {
  readonly definitions: Map<string, MutableDefinition[]>
  readonly selects: Map<string, KconfigSelect[]>
  readonly seen: Set<string>
  readonly signal: AbortSignal
}

const collector = (signal: AbortSignal): Collector => ({ definitions: new Map(), selects: new Map(), seen: new Set(), signal })

interface OpenBlock {
  readonly block: Block
  readonly depends: Expression[]
}

const readInto = async (into: Collector, tree: string, path: string, around: readonly OpenBlock[]): Promise<void> => {
  into.signal.throwIfAborted()
  if (into.seen.has(path)) return
  into.seen.add(path)
  // A missing file is make's to complain about.
  const text = await unlessMissing(readFile(join(tree, path), 'utf8'), 'EISDIR') ?? ''
  const blocks: OpenBlock[] = [...around]
  // What `depends on` speaks about: the entry above it, or the block that was just opened.
  let entry: { readonly symbol: string; readonly definition: MutableDefinition } | undefined
  let header: OpenBlock | undefined
  for (const item of parseKconfigFile(text)) {
    switch (item.kind) {
      case 'config': {
        const definition: MutableDefinition = {
          at: `${path}:${item.line}`,
          depends: blocks.flatMap(({ depends }) => depends),
          prompt: 'no',
          inChoice: blocks.some(({ block }) => block === 'choice'),
        }
        append(into.definitions, item.symbol, definition)
        entry = { symbol: item.symbol, definition }
        header = undefined
        break
      }
      case 'open':
        header = { block: item.block, depends: item.condition === undefined ? [] : [item.condition] }
        blocks.push(header)
        entry = undefined
        break
      case 'close':
        blocks.splice(Math.max(blocks.findLastIndex(({ block }) => block === item.block), around.length))
        entry = header = undefined
        break
      case 'source':
        await readInto(into, tree, sourcePath(item.path, item.relative ? dirname(path) : '.'), blocks)
        entry = header = undefined
        break
      case 'depends':
        (entry?.definition ?? header)?.depends.push(item.on)
        break
      case 'prompt':
        if (entry !== undefined) entry.definition.prompt = { when: item.when }
        break
      case 'select': case 'imply':
        if (entry !== undefined) append(into.selects, item.symbol, { by: entry.symbol, kind: item.kind, when: item.when })
        break
      case 'other':
        entry = header = undefined
        break
    }
  }
}

const sourcePath = (path: string, folder: string): string =>
  join(folder, path.replace(/\$\(?(\w+)\)?/g, (whole, name: string) => VARIABLES[name] ?? whole))

const append = <T>(map: Map<string, T[]>, key: string, value: T): void => {
  const list = map.get(key)
  if (list === undefined) map.set(key, [value])
  else list.push(value)
}
