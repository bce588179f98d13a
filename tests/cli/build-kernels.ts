import { interruptSignal } from '../../orchestrator/host/interrupt.ts'
import { LabError } from '../../orchestrator/host/errors.ts'
import { buildConfigs } from '../../orchestrator/kernel/build-configs.ts'
import { openTools } from '../../orchestrator/toolbox/open-tools.ts'

/**
 * A program of its own, to be killed, doubled and starved: builds a tree with the configs `name=fragment,fragment` of its arguments
 * and says on stdout, one JSON a line, what happened.
 */
const say = (line: Readonly<Record<string, unknown>>) => { process.stdout.write(`${JSON.stringify(line)}\n`) }
const [dir = '', baseConfig = '', buildMs = '600000', upTo = '', ...configs] = process.argv.slice(2)
const signal = interruptSignal()
const notice = (text: string) => { say({ notice: text }) }

try {
  await using tools = await openTools('toolbox', { notice, signal })
  const specs = configs.map((config) => {
    const [name = '', fragments = ''] = config.split('=')
    return { name, fragments: fragments.split(',').filter((path) => path !== '') }
  })
  await using builds = await buildConfigs({ name: 'mini', source: { kind: 'tree', dir }, patches: [] }, specs, {
    tools, baseConfig, upTo: upTo === 'configured' ? upTo : 'built', limits: { buildMs: Number(buildMs), storeBytes: 2 ** 32, sourceTrees: 8 }, signal, notice, onProgress: (progress) => { say({ progress }) },
  })
  for (const [config, outcome] of builds.outcomes) say({ config, outcome })
} catch (error) {
  if (error instanceof LabError) say({ kind: error.kind, code: error.code, message: error.message, hint: error.hint, tail: error.tail })
  else say({ code: error instanceof Error ? error.name : String(error) })
  process.exitCode = 3
}
