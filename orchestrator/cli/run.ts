import { resolve } from 'node:path'
import { Command, InvalidArgumentError, Option } from 'commander'
import type { LabError } from '../host/errors.ts'
import { interruptSignal } from '../host/interrupt.ts'
import { openReporters } from '../report/open-reporters.ts'
import { runLab } from '../run/run-lab.ts'
import { exitCode } from '../verdict/exit-code.ts'
import { printError } from './print-error.ts'
import { addSelectionFlags, selectedConfig, type SelectionFlags } from './selection.ts'

interface RunFlags extends SelectionFlags {
  readonly isolate: 'cell' | 'case'
  readonly workers?: number
  readonly accel: 'auto' | 'kvm' | 'tcg'
  readonly out?: string
}

/** `lab run`: the main job. Exit 0 all verdicts expected, 1 some unexpected, 2 usage, 3 the lab failed, 130 interrupted. */
export const runCommand = (finish: (exitCode: number) => void): Command =>
  addSelectionFlags(new Command('run'))
    .description('build the kernels, boot them in every cell of the matrix, judge every case')
    .addOption(new Option('--isolate <what>', 'a guest for a whole cell, or one for every case').choices(['cell', 'case']).default('cell'))
    .option('--workers <n>', 'guests at the same time', parseWorkers)
    .addOption(new Option('--accel <how>', 'hardware virtualisation or emulation').choices(['auto', 'kvm', 'tcg']).default('auto'))
    .option('--out <dir>', 'leave the results here instead of .lab/runs/<id>')
    .action(async (flags: RunFlags) => {
      const signal = interruptSignal()
      const config = await selectedConfig(flags)
      const failures: LabError[] = []
      const results = await runLab({
        config,
        selection: flags,
        isolate: flags.isolate,
        workers: flags.workers,
        accel: flags.accel,
        out: flags.out === undefined ? undefined : resolve(flags.out),
        openReporters: (dir) => openReporters(dir, {
          stream: process.stdout,
          env: process.env,
          cwd: process.cwd(),
          sourceArgs: flags.tree === undefined ? [] : ['--tree', flags.tree],
          onFailure: (error) => {
            failures.push(error)
            printError(error, process.stderr)
          },
        }),
        signal,
      })
      // Good verdicts that could not be written down are no good.
      finish(exitCode(results) || (failures.length > 0 ? 3 : 0))
    })

const parseWorkers = (text: string) => {
  const workers = Number(text)
  if (!Number.isInteger(workers) || workers < 1 || workers > 64) throw new InvalidArgumentError('a whole number from 1 to 64')
  return workers
}
