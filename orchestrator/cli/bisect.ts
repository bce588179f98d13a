import { Command, Option } from 'commander'
import { type LabError, yours } from '../host/errors.ts'
import { Interrupted, interruptSignal } from '../host/interrupt.ts'
import { bisectConfigs } from './bisect-configs.ts'
import { bisectHistory } from './bisect-history.ts'
import { openSession, type BisectFlags } from './bisect-session.ts'
import { printError } from './print-error.ts'
import { parseWorkers } from './run.ts'
import { repeated } from './selection.ts'

/**
 * `lab bisect`: which commit, which patch of a series, or which symbols of a config turn the verdict. Exit 0 found, 1 it cannot be told
 * because the states in question cannot be judged, 2 usage, 3 the lab failed, 130 interrupted.
 */
export const bisectCommand = (finish: (exitCode: number) => void): Command =>
  new Command('bisect')
    .description('find the commit, the patch or the config symbols that break a case')
    .option('--tree <dir>', 'the kernel tree in this folder instead of the configured kernel')
    .option('--good <commit>', 'a commit of the git tree --tree in which it works')
    .option('--bad <commit>', 'a later one in which it does not')
    .option('--patch <path>', 'find the patch of this series, as lab run takes it; may be repeated', repeated)
    .option('--config <names...>', 'one: judge with this config; two, GOOD BAD: find the symbols between them. Names, fragments or .configs')
    .option('--kernel <name>', 'of several configured kernels this one')
    .option('--machine <name>', 'only this machine (a name or a glob)')
    .option('--suite <glob>', 'only suites that match')
    .option('--case <text>', 'only cases whose id contains the text')
    .option('--workers <n>', 'guests at the same time', parseWorkers)
    .addOption(new Option('--accel <how>', 'hardware virtualisation or emulation').choices(['auto', 'kvm', 'tcg']).default('auto'))
    .action(async (flags: BisectFlags) => {
      const failures: LabError[] = []
      const session = await openSession(flags, interruptSignal(), (error) => {
        failures.push(error)
        printError(error, process.stderr)
      })
      try {
        finish(await questionOf(flags)(session) || (failures.length > 0 ? 3 : 0))
      } catch (error) {
        if (error instanceof Interrupted) process.stderr.write('lab: the same command goes on from here\n')
        throw error
      }
    })

const questionOf = ({ good, bad, patch, config = [], tree }: BisectFlags): typeof bisectHistory => {
  if (config.length > 2) throw wrongFlags('--config takes one config, or two: GOOD BAD')
  const asked = [config.length === 2, patch !== undefined, good !== undefined || bad !== undefined].filter((is) => is).length
  if (asked !== 1) throw wrongFlags(asked === 0 ? 'there is nothing to bisect between' : 'one search looks for one thing')
  if (config.length === 2) return bisectConfigs
  if (patch === undefined && (good === undefined || bad === undefined || tree === undefined)) throw wrongFlags('commits are searched for in --tree, between --good and --bad')
  return bisectHistory
}

const wrongFlags = (message: string) => yours('BISECT_FLAGS', message, {
  hint: 'say --tree DIR --good A --bad B for commits, --patch SERIES for patches, or --config GOOD BAD for the symbols of a config',
})
