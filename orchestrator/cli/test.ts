import { randomInt } from 'node:crypto'
import { Command, InvalidArgumentError } from 'commander'
import { runTestTier } from './test-tier.ts'

interface TestFlags {
  readonly full?: true
  readonly seed?: number
}

/** `lab test`: everything that can be checked without a person, on real guests; the last line counts what really ran. */
export const testCommand = (finish: (exitCode: number) => void): Command =>
  new Command('test')
    .description('all tests: types, lint, unit, the real command line, real guests')
    .option('--full', 'the long campaigns too; a stopped one goes on where it was')
    .option('--seed <number>', 'which sample of the campaigns the short tier takes', parseSeed)
    .action(async ({ full, seed }: TestFlags) => {
      finish(await runTestTier({ full: full ?? false, seed: seed ?? randomInt(1, 1_000_000) }))
    })

const parseSeed = (text: string) => {
  const seed = Number(text)
  if (!Number.isSafeInteger(seed) || seed < 0) throw new InvalidArgumentError('a whole number, 0 or more')
  return seed
}
