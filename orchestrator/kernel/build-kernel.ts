import { readdir, readFile, rm } from 'node:fs/promises'
import { join } from 'node:path'
import type { AskedConfig } from './asked-config.ts'
import { type BuildWarning, listenForWarnings } from './build-warnings.ts'
import { builtModules } from './built-modules.ts'
import type { ConfiguredKernel, FailedKernel, KernelFacts, KernelProgress, LostSymbol } from './built-kernel.ts'
import type { Configure } from './configure.ts'
import { parseDotConfig } from './dot-config.ts'
import { neededModules } from './guest-modules.ts'
import type { Kconfig } from './kconfig.ts'
import type { PreparedSource, SourceContext } from './kernel-source.ts'
import { storeKernel, type StoreRecord } from './kernel-store.ts'
import { lostSymbols } from './lost-symbols.ts'
import { make, type MakeContext } from './make.ts'
import { readMakefileVersion } from './makefile-version.ts'
import { openObjects, openUnseeded, whileBuilding } from './object-tree.ts'
import { layPlainModules } from './plain-modules.ts'
import { headersOfTree, uapiNames } from './uapi-names.ts'

export interface BuildRequest {
  readonly name: string
  readonly asked: AskedConfig
  /** The content address to store it under. */
  readonly key: string
  readonly source: PreparedSource
  readonly kconfig: Kconfig
  readonly configure: Configure
  /** Configs whose object trees a new one should start from, in order. */
  readonly from: readonly string[]
  readonly timeoutMs: number
  /** A plan needs no more than the .config. */
  readonly upTo: 'configured' | 'built'
  readonly onProgress: (progress: KernelProgress) => void
}

/** Configures and compiles one config and puts it into the store; undefined when that went well. */
export const buildKernel = async (request: BuildRequest, context: SourceContext): Promise<FailedKernel | ConfiguredKernel | undefined> => {
  const startedAt = performance.now()
  const { name, asked, source: { slot }, onProgress } = request
  onProgress({ phase: 'configure', config: name })
  const { objects, cpuMs: copyCpuMs } = request.upTo === 'built'
    ? await openObjects(slot, name, request.from, context)
    : { objects: await openUnseeded(slot, name), cpuMs: 0 }
  const makeContext = (what: string): MakeContext => ({
    tree: slot.tree, objects, tools: context.tools, signal: context.signal, what: `${what} ${name}`,
    timeoutMs: Math.max(1, request.timeoutMs - (performance.now() - startedAt)),
  })
  const headers = await headersOfTree(slot.tree)
  const uapi = uapiNames(headers)
  const version = async () => (await readMakefileVersion(slot.tree))?.text ?? 'unknown'
  const fail = async (
    because: string, rest: { lost?: readonly LostSymbol[]; facts?: KernelFacts; tail?: readonly string[]; warnings?: readonly BuildWarning[] },
  ): Promise<FailedKernel> => ({
    status: 'build-failed', because, lost: rest.lost ?? [], notAsked: asked.notAsked, facts: rest.facts,
    release: await version(), tail: rest.tail ?? [], warnings: rest.warnings ?? [], buildMs: Math.round(performance.now() - startedAt),
  })

  return whileBuilding(objects, async () => {
    const configured = await request.configure(asked, makeContext('configuring config'))
    if (!configured.ok) return fail(configured.because, { tail: configured.tail })
    const facts: KernelFacts = { config: parseDotConfig(await readFile(join(objects, '.config'), 'utf8')), uapi }
    const lost = lostSymbols(asked.asked, facts.config, request.kconfig)
    if (lost.length > 0) return fail(sentenceOf(lost), { lost, facts })

    if (request.upTo === 'configured') {
      return { status: 'configured', facts, notAsked: asked.notAsked, release: await version(), buildMs: 0 }
    }

    const counter = objectCounter((objectCount) => { onProgress({ phase: 'compile', config: name, objects: objectCount }) })
    const listener = await listenForWarnings(objects)
    await rm(join(objects, PIGGY), { force: true })
    const modular = neededModules(facts.config).length > 0
    const built = await make(['bzImage', ...(modular ? ['modules'] : [])], makeContext('building config'), (line) => {
      counter(line)
      listener.hear(line)
    })
    const warnings = await listener.settle()
    if (!built.ok) return fail(`${built.because}${whoseFile(built.because, request.source.patchedPaths)}`, { facts, tail: built.tail, warnings })
    const record: Omit<StoreRecord, 'modules'> = {
      release: (await readFile(join(objects, 'include', 'config', 'kernel.release'), 'utf8')).trim(),
      buildMs: Math.round(performance.now() - startedAt),
      cpuMs: Math.round(copyCpuMs + configured.cpuMs + built.cpuMs),
      facts,
      headers,
      notAsked: asked.notAsked,
      warnings,
    }
    const modules = await builtModules(objects, facts.config)
    await storeKernel(request.key, objects, record, (folder) => layPlainModules(modules, folder, context))
    await removeLinkSteps(objects)
    return undefined
  })
}

/** Has the kernel in it; a tree of an earlier lab may have one with another kernel of the same size, from the compiler cache. */
const PIGGY = join('arch', 'x86', 'boot', 'compressed', 'piggy.o')

/** What is made on the way to vmlinux, a quarter of an object tree: the next link, which a change of any object brings, makes all of it anew. */
const removeLinkSteps = async (objects: string): Promise<void> => {
  for (const name of await readdir(objects)) if (name.startsWith('.tmp_vmlinux') || name === 'vmlinux.unstripped') await rm(join(objects, name))
}

/** Of a compiler's error in a patched source: whether it is in a file that the patches change. */
const whoseFile = (because: string, patchedPaths: ReadonlySet<string> | undefined): string => {
  const file = /^([\w.+-]+(?:\/[\w.+-]+)*):\d+/.exec(because)?.[1]
  if (patchedPaths === undefined || file === undefined) return ''
  return patchedPaths.has(file) ? ' (a file that the patches change)' : ' (a file that no patch changes)'
}

const LOST_IN_A_LINE = 3

const sentenceOf = (lost: readonly LostSymbol[]): string => {
  const told = lost.slice(0, LOST_IN_A_LINE).map(({ symbol, asked, got, fragment, unmet }) =>
    `CONFIG_${symbol}=${asked} (${fragment}) came out as ${got}: ${unmet}`)
  return [...told, ...(lost.length > LOST_IN_A_LINE ? [`and ${lost.length - LOST_IN_A_LINE} more`] : [])].join('; ')
}

const MS_BETWEEN_COUNTS = 200

/** Counts the objects that make says it makes, and tells now and then. */
const objectCounter = (tell: (objects: number) => void): ((line: string) => void) => {
  let objects = 0
  let toldAt = 0
  return (line) => {
    if (!/^ {2}[A-Z][A-Z0-9_ ]* +\S+\.o$/.test(line)) return
    objects += 1
    if (performance.now() - toldAt < MS_BETWEEN_COUNTS) return
    toldAt = performance.now()
    tell(objects)
  }
}
