import { Command, CommanderError } from 'commander'
import { bisectCommand } from './bisect.ts'
import { diffCommand } from './diff.ts'
import { listCommand } from './list.ts'
import { planCommand } from './plan.ts'
import { runCommand } from './run.ts'
import { shellCommand } from './shell.ts'
import { testCommand } from './test.ts'

/** Reads the command line and does what it says. Gives the exit code; throws LabError. */
export const labProgram = async (args: readonly string[]): Promise<number> => {
  let exitCode = 0
  const finish = (code: number) => { exitCode = code }
  const program = new Command('lab')
    .description('Builds kernels, boots them behind emulated IOMMUs, and tells whether VFIO and IOMMUFD still do right.')
    .helpCommand(false)
    .showHelpAfterError('(lab --help lists the commands, lab COMMAND --help the flags)')
    .exitOverride()
  for (const command of [runCommand(finish), planCommand(finish), diffCommand(finish), bisectCommand(finish), listCommand(finish), shellCommand(finish), testCommand(finish)]) {
    program.addCommand(command.exitOverride().showHelpAfterError(`(lab ${command.name()} --help lists the flags)`))
  }
  try {
    await program.parseAsync([...args], { from: 'user' })
  } catch (error) {
    // Commander has said what is wrong already; help and version end with 0.
    if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : 2
    throw error
  }
  return exitCode
}
