import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { execa } from 'execa'
import { loadConfig } from '../../orchestrator/config/load-config.ts'
import { machineArgs } from '../../orchestrator/machine/machine-args.ts'
import { TOOLS_QEMU } from '../../orchestrator/toolbox/qemu-program.ts'
import { askQemu } from '../../orchestrator/vm/ask-qemu.ts'
import { planCells } from '../../orchestrator/plan/plan-cells.ts'
import { openBench } from '../../orchestrator/run/bench.ts'
import { buildConfigs } from '../../orchestrator/kernel/build-configs.ts'
import { lab, readResults, temporaryDir } from '../lab-process.ts'
import { answerMs, floorMs } from './boot-figures.ts'
import { type ChangeFigures, changeFigures, objectTreeBytes } from './change-figures.ts'

/**
 * The lab's figures, as ratios where there is something to compare with; each a median, compared within this one run.
 * `--runs N` (default 5); `--matrix` times the whole default matrix as well, so often; `--change` a
 * one-line patch over it.
 */
const { values } = parseArgs({ options: { runs: { type: 'string', default: '5' }, matrix: { type: 'boolean', default: false }, change: { type: 'boolean', default: false } } })
const runs = Number(values.runs)

const median = (figures: readonly number[]): number => figures.toSorted((a, b) => a - b)[Math.floor(figures.length / 2)] ?? Number.NaN
const spread = (figures: readonly number[]): string => `${seconds(Math.min(...figures))} to ${seconds(Math.max(...figures))}`
const seconds = (ms: number): string => `${(ms / 1000).toFixed(2)} s`
const say = (line: string): void => { process.stdout.write(`${line}\n`) }

const signal = new AbortController().signal
const config = await loadConfig(undefined, join(import.meta.dirname, '..', '..'))
const { cells } = planCells(config)
const intel = cells.find(({ machine }) => machine.name === 'intel')
if (intel === undefined) throw new Error('the default lab has no machine named intel')

await using bench = await openBench({ config, accel: 'auto', signal }, (event) => { if (event.event === 'notice') say(event.text) })
const configs = config.configs.filter(({ onRequest }) => onRequest !== true)
await using builds = await buildConfigs(intel.kernel, configs, {
  tools: bench.tools, upTo: 'built', signal, baseConfig: config.baseConfig, limits: config.limits,
  notice: say, onProgress: (progress) => { if (progress.phase === 'stored') say(`${progress.config}: ${progress.fromStore ? 'from the store' : 'built'}`) },
})
say(`${runs} runs each, under ${bench.accel.used}, ${builds.source.version}`)

const [first = 0, ...others] = configs.map(({ name }) => builds.cpuMs.get(name) ?? 0)
const further = others.reduce((sum, cpuMs) => sum + cpuMs, 0)
say(`first config, as it was built: ${(first / 60_000).toFixed(1)} CPU-minutes (at most 12 when cold)`)
say(`the ${others.length} others together: ${seconds(further)} CPU, ${((100 * further) / first).toFixed(1)} % of the first (at most 12 %)`)

const kernel = builds.outcomes.get(intel.config.name)
if (kernel?.status !== 'built') throw new Error(`${intel.config.name} was not built`)
const { qemu, commandLine } = machineArgs(intel.machine, await askQemu(TOOLS_QEMU, bench.tools, signal))
const spec = {
  machineArgs: qemu, commandLine, accel: bench.accel.used, bzImage: kernel.bzImage, initrd: await bench.initrdOf(kernel), disk: bench.disk,
  bootLimitMs: config.limits.bootMs,
}
const floors: number[] = []
const answers: number[] = []
for (let run = 0; run < runs; run += 1) {
  floors.push(await floorMs(spec, bench.tools, signal))
  answers.push((await answerMs(spec, { tools: bench.tools, keys: bench.keys, agent: bench.agent, signal })).answerMs)
}
say(`floor on intel: ${seconds(median(floors))} (${spread(floors)})`)
say(`from QEMU's exec to the agent's answer on intel: ${seconds(median(answers))} (${spread(answers)}), ${(median(answers) / median(floors)).toFixed(2)} x the floor (at most 1.8)`)

const firstGuests: number[] = []
for (let run = 0; run < runs; run += 1) {
  await using out = await temporaryDir()
  const at = performance.now()
  const child = execa(lab, ['run', '--out', out.path, '--config', 'noiommu', '--machine', 'none', '--suite', 'nodes'], { reject: false, stdin: 'ignore' })
  for await (const line of child) {
    if (/booting/.test(line)) firstGuests.push(performance.now() - at)
  }
  await child
}
say(`from ./lab run with nothing changed to its first guest: ${seconds(median(firstGuests))} (${spread(firstGuests)}; at most 3 s)`)

if (values.matrix) {
  const matrices: number[] = []
  for (let run = 0; run < runs; run += 1) {
    await using out = await temporaryDir()
    const ended = await execa(lab, ['run', '--out', out.path], { reject: false, stdin: 'ignore' })
    const results = await readResults(out.path)
    if (ended.exitCode !== 0 || results === undefined) throw new Error(`the default matrix ended with ${String(ended.exitCode)}:\n${ended.stdout.slice(-2000)}`)
    matrices.push(results.durationMs)
    say(`default matrix: ${results.summary.cells} cells, ${results.summary.ran} cases, ${seconds(results.durationMs)}`)
  }
  say(`default matrix with kernels built: ${seconds(median(matrices))} (${spread(matrices)}; at most 120 s)`)
}

if (values.change) {
  const figures: ChangeFigures[] = []
  for (let run = 0; run < runs; run += 1) figures.push(await changeFigures(intel.kernel, bench.tools, signal))
  const of = (figure: (one: ChangeFigures) => number) => figures.map(figure)
  const told = (all: readonly number[]) => `${seconds(median(all))} (${spread(all)})`
  say(`one line of vfio_main.c over the default matrix: ${told(of(({ changed }) => changed.allMs))} (at most 180 s), of which building ${told(of(({ changed }) => changed.buildMs))} (at most 60 s)`)
  say(`the same again: ${told(of(({ unchanged }) => unchanged.allMs))}, of which building ${told(of(({ unchanged }) => unchanged.buildMs))}`)
  say(`with --base: ${told(of(({ withBaseMs }) => withBaseMs))}, ${(median(of(({ withBaseMs }) => withBaseMs)) / median(of(({ unchanged }) => unchanged.allMs))).toFixed(2)} x the patched cells alone`)
  const slot = builds.source.kind === 'debian' ? `${builds.source.package}_${builds.source.version}` : ''
  const bytes = await objectTreeBytes(slot, configs.map(({ name }) => name))
  say(`object trees of the ${configs.length} configs, without and with patches: ${(bytes / 1e9).toFixed(2)} GB (with the store at most 1.5 GB)`)
}
