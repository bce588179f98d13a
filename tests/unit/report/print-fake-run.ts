import { setTimeout as sleep } from 'node:timers/promises'
import { terminal } from '../../../orchestrator/report/terminal.ts'
import { fakeRun } from './fake-run.ts'

/** Shows the fake run on the real stdout; the first argument is the pause between two events in milliseconds. */
const reporter = terminal({ stream: process.stdout, env: process.env, runDir: '.lab/runs/fake', sourceArgs: { patches: [] } })
for (const event of fakeRun()) {
  reporter.onEvent?.(event)
  await sleep(Number(process.argv[2] ?? 0))
}
reporter.onEnd?.()
process.stderr.write('shown\n')
