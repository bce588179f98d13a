import { join, resolve } from 'node:path'
import { Command, InvalidArgumentError, Option } from 'commander'
import { MAX_SEED } from '../../guest-agent/protocol.ts'
import { isFragmentPath } from '../config/fragments.ts'
import type { LabError } from '../host/errors.ts'
import { interruptSignal } from '../host/interrupt.ts'
import { openReporters } from '../report/open-reporters.ts'
import { painter, terminalKind } from '../report/paint.ts'
import type { SourceArgs } from '../report/rerun-command.ts'
import { stepLines } from '../report/step-lines.ts'
import { runLab } from '../run/run-lab.ts'
import { PATCHES_FOLDER } from '../run/save-patches.ts'
import { exitCode } from '../verdict/exit-code.ts'
import { exitCodeOfSteps, patchSteps } from '../verdict/patch-steps.ts'
import { printError } from './print-error.ts'
import { addSelectionFlags, selected, type SelectionFlags } from './selection.ts'

interface RunFlags extends SelectionFlags {
  readonly isolate: 'cell' | 'case'
  readonly workers?: number
  readonly accel: 'auto' | 'kvm' | 'tcg'
  readonly out?: string
  readonly seed?: number
}

/** `lab run`: the main job. Exit 0 all verdicts expected, 1 some unexpected, 2 usage, 3 the lab failed, 130 interrupted. */
export const runCommand = (finish: (exitCode: number) => void): Command =>
  addSelectionFlags(new Command('run'))
    .description('build the kernels, boot them in every cell of the matrix, judge every case')
    .addOption(new Option('--isolate <what>', 'a guest for a whole cell, or one for every case').choices(['cell', 'case']).default('cell'))
    .option('--workers <n>', 'guests at the same time', parseWorkers)
    .addOption(new Option('--accel <how>', 'hardware virtualisation or emulation').choices(['auto', 'kvm', 'tcg']).default('auto'))
    .option('--seed <n>', 'what cases that choose at random begin with; a failure tells the number that shows it again', parseSeed)
    .option('--out <dir>', 'leave the results here instead of .lab/runs/<id>')
    .action(async (flags: RunFlags) => {
      const signal = interruptSignal()
      const { config, selection } = await selected(flags, signal)
      const failures: LabError[] = []
      const results = await runLab({
        config, selection,
        isolate: flags.isolate,
        workers: flags.workers,
        seed: flags.seed,
        accel: flags.accel,
        out: flags.out === undefined ? undefined : resolve(flags.out),
        openReporters: (dir) => openReporters(dir, {
          stream: process.stdout,
          env: process.env,
          cwd: process.cwd(),
          sourceArgs: sourceArgs(flags, dir),
          onFailure: (error) => {
            failures.push(error)
            printError(error, process.stderr)
          },
        }),
        signal,
      })
      const steps = patchSteps(results)
      if (steps.length > 0) process.stdout.write(`${stepLines(steps, painter(terminalKind(process.stdout.isTTY, process.env).color)).join('\n')}\n`)
      // Without the base, what fails may be the patches' as well. Good verdicts that could not be written down are no good.
      finish((flags.base === true ? exitCodeOfSteps(results, steps) : exitCode(results)) || (failures.length > 0 ? 3 : 0))
    })

/** What chooses the kernel, to be said again for a single failure; a pipe is read once, but the run's folder has what came. */
const sourceArgs = ({ tree, patch = [], range, each, config, fragment }: RunFlags, runDir: string): SourceArgs => ({
  tree, range, each: each === true,
  configFile: config !== undefined && isFragmentPath(config) ? config : undefined,
  fragments: fragment,
  patches: patch.includes('-') ? [join(runDir, PATCHES_FOLDER)] : patch,
})

export const parseWorkers = (text: string) => {
  const workers = Number(text)
  if (!Number.isInteger(workers) || workers < 1 || workers > 64) throw new InvalidArgumentError('a whole number from 1 to 64')
  return workers
}

const parseSeed = (text: string) => {
  const seed = Number(text)
  if (!/^\d+$/.test(text) || seed > MAX_SEED) throw new InvalidArgumentError(`a whole number from 0 to ${MAX_SEED}`)
  return seed
}
