import pLimit from 'p-limit'
import type { Tools } from '../toolbox/tools.ts'
import { askConfig } from './asked-config.ts'
import { buildKernel } from './build-kernel.ts'
import type { KernelOutcome, KernelProgress } from './built-kernel.ts'
import { configurer } from './configure.ts'
import { forgetSources } from './forget-sources.ts'
import { readKconfig } from './kconfig.ts'
import { type ConfigInput, isPrebuilt, type KernelInput } from './kernel-input.ts'
import { openKernelSource, type PreparedSource, type SourceContext, type SourceRecord } from './kernel-source.ts'
import { forgetKernels, leaseKernel, storeKey } from './kernel-store.ts'
import { MAKE_ENVIRONMENT, MAKE_FLAGS } from './make.ts'
import { newerThanCatalogue } from './makefile-version.ts'
import { hasObjects } from './object-tree.ts'
import { type OpenedPrebuilt, openPrebuilt, type PrebuiltRecord } from './open-prebuilt.ts'
import { type ParsedFragment, readFragment } from './read-fragment.ts'

export interface BuildOptions {
  readonly tools: Tools
  /** Absolute path of base.config. */
  readonly baseConfig: string
  /** For each config's build, milliseconds; for all kernels that are kept, bytes; source trees that are kept. */
  readonly limits: { readonly buildMs: number; readonly storeBytes: number; readonly sourceTrees: number }
  /** `configured`: nothing is compiled, what the store has not is only configured. */
  readonly upTo: 'configured' | 'built'
  readonly signal: AbortSignal
  readonly notice: (text: string) => void
  readonly onProgress: (progress: KernelProgress) => void
}

/** The kernels of one source; the files of the built ones exist until this is disposed. */
export interface KernelBuilds extends AsyncDisposable {
  readonly source: SourceRecord | PrebuiltRecord
  /** By the config's name. */
  readonly outcomes: ReadonlyMap<string, KernelOutcome>
  /** CPU time in milliseconds that each built config took when it was built, by the config's name. */
  readonly cpuMs: ReadonlyMap<string, number>
}

/**
 * Builds one source with each config, or takes the kernels from the store; a prebuilt kernel is what it is in each of them. What is the
 * kernel's fault is an outcome; thrown are what openPrebuilt throws,
 * yours/NOT_A_KERNEL_TREE, NO_FRAGMENT, BAD_FRAGMENT_LINE, UNKNOWN_SYMBOL, TREE_CHANGES, TREE_UNREADABLE, CACHE_PATH, NO_SOURCE_PACKAGE
 * (all before anything is compiled) and lab/NO_SPACE, TOOL_FAILED, TOOL_TIMEOUT, TOOL_MISSING, NO_NETWORK.
 */
export const buildConfigs = async (kernel: KernelInput, configs: readonly ConfigInput[], options: BuildOptions): Promise<KernelBuilds> => {
  const { tools, signal, notice, onProgress } = options
  const context: SourceContext = { tools, signal, notice, onText: (text) => { onProgress({ phase: 'source', text }) } }
  if (isPrebuilt(kernel.source)) return usePrebuilt(await openPrebuilt(kernel.source, options.limits, context), configs, options)
  const base = await readFragment(options.baseConfig)
  const parsed = await Promise.all(configs.map(async ({ name, fragments }) =>
    ({ name, fragments: await Promise.all(fragments.map(readFragment)) })))
  const opened = await openKernelSource(kernel.source, context, kernel.patches)

  await using leases = new AsyncDisposableStack()
  const collected: Collected = { base, options, leases, outcomes: new Map(), cpuMs: new Map() }
  let { record } = opened
  const missing = await takeFromStore(parsed, opened.key, collected)
  if (missing.length > 0) {
    await using source = await opened.prepare(configs.map(({ name }) => name))
    record = source.record
    // Another lab may have built them while this one waited, and a tree may have changed since it was looked at.
    if (source.key !== opened.key) collected.outcomes.clear()
    await buildMissing(await takeFromStore(parsed, source.key, collected), parsed, source, collected, context)
    await forgetKernels(options.limits.storeBytes)
    await forgetSources(options.limits.sourceTrees)
  }
  const newer = [...collected.outcomes.values()].map(({ release }) => newerThanCatalogue(release)).find((text) => text !== undefined)
  if (newer !== undefined) notice(newer)
  const held = leases.move()
  return { source: record, outcomes: collected.outcomes, cpuMs: collected.cpuMs, [Symbol.asyncDispose]: () => held.disposeAsync() }
}

const usePrebuilt = ({ record, stored }: OpenedPrebuilt, configs: readonly ConfigInput[], { notice, onProgress }: BuildOptions): KernelBuilds => {
  for (const { name } of configs) onProgress({ phase: 'stored', config: name, buildMs: 0, fromStore: true })
  const newer = newerThanCatalogue(stored.kernel.release)
  if (newer !== undefined) notice(newer)
  return {
    source: record,
    outcomes: new Map(configs.map(({ name }) => [name, stored.kernel])),
    cpuMs: new Map(configs.map(({ name }) => [name, 0])),
    [Symbol.asyncDispose]: () => stored[Symbol.asyncDispose](),
  }
}

interface ParsedConfig {
  readonly name: string
  readonly fragments: readonly ParsedFragment[]
}

/** What is known so far of the kernels asked for. */
interface Collected {
  readonly base: ParsedFragment
  readonly options: BuildOptions
  readonly leases: AsyncDisposableStack
  readonly outcomes: Map<string, KernelOutcome>
  readonly cpuMs: Map<string, number>
}

/** Leases what the store has; resolves to the configs that it has not. */
const takeFromStore = async (
  configs: readonly ParsedConfig[], sourceKey: string, collected: Collected,
): Promise<readonly ParsedConfig[]> => {
  const missing: ParsedConfig[] = []
  for (const config of configs) {
    if (!collected.outcomes.has(config.name) && !await takeOne(config, sourceKey, collected, true)) missing.push(config)
  }
  return missing
}

const takeOne = async (config: ParsedConfig, sourceKey: string, collected: Collected, fromStore: boolean): Promise<boolean> => {
  const { options, leases, outcomes, cpuMs } = collected
  const stored = await leaseKernel(keyOf(config, sourceKey, collected), options.signal)
  if (stored === undefined) return false
  leases.use(stored)
  const buildMs = fromStore ? 0 : stored.record.buildMs
  outcomes.set(config.name, { ...stored.kernel, buildMs })
  cpuMs.set(config.name, stored.record.cpuMs)
  options.onProgress({ phase: 'stored', config: config.name, buildMs, fromStore })
  return true
}

/** Everything that forms the output. Fragments by name too: what was not asked names them. */
const keyOf = ({ fragments }: ParsedConfig, sourceKey: string, { base, options }: Collected): string =>
  storeKey(sourceKey, [base, ...fragments].map(({ name, text }) => [name, text]), options.tools.id, MAKE_FLAGS, MAKE_ENVIRONMENT)

const buildMissing = async (
  missing: readonly ParsedConfig[], all: readonly ParsedConfig[], source: PreparedSource, collected: Collected, context: SourceContext,
): Promise<void> => {
  if (missing.length === 0) return
  const { base, options: { limits, onProgress, upTo }, outcomes } = collected
  const kconfig = await readKconfig(source.slot.tree, context.signal)
  // All of them before the first is compiled: a symbol that does not exist is the user's to mend.
  const asked = missing.map((config) => ({ config, asked: askConfig(base.lines, config.fragments.flatMap(({ lines }) => lines), kconfig) }))
  const configure = configurer(source.configKey)
  const from = all.map(({ name }) => name)
  const build = async ({ config, asked: asks }: (typeof asked)[number]): Promise<void> => {
    const unbuilt = await buildKernel({
      name: config.name, asked: asks, key: keyOf(config, source.key, collected), source, kconfig, configure, from, timeoutMs: limits.buildMs, upTo, onProgress,
    }, context)
    if (unbuilt?.status === 'build-failed') onProgress({ phase: 'failed', config: config.name, because: unbuilt.because })
    if (unbuilt !== undefined) outcomes.set(config.name, unbuilt)
    else if (!await takeOne(config, source.key, collected, false)) throw new Error(`the kernel store lost ${config.name}`)
  }
  // Those that have an object tree go first, or the first of all does: the others start from it, and one that is being built is no start.
  const ready = asked.filter(({ config }) => hasObjects(source.slot, config.name))
  const first = ready.length > 0 ? ready : asked.slice(0, 1)
  await inPairs(first, build)
  await inPairs(asked.filter((one) => !first.includes(one)), build)
}

/** A link keeps one processor busy while the other one may compile the next config. Whoever began has ended when this rejects. */
const inPairs = async <T>(items: readonly T[], work: (item: T) => Promise<void>): Promise<void> => {
  const limit = pLimit(2)
  const ended = await Promise.allSettled(items.map((item) => limit(() => work(item))))
  const failed = ended.find((one) => one.status === 'rejected')
  if (failed !== undefined) throw failed.reason
}
