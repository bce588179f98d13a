import { Command, Option } from 'commander'
import { diffLines } from '../report/diff-lines.ts'
import { diffMarkdown } from '../report/diff-markdown.ts'
import { findResults } from '../report/find-results.ts'
import { painter, terminalKind } from '../report/paint.ts'
import { diffRuns } from '../verdict/diff-runs.ts'

interface DiffFlags {
  readonly json?: true
  readonly markdown?: true
}

/** `lab diff A B`: only what is different. Exit 0 nothing is worse in B, 1 something is, 2 there is no such run. */
export const diffCommand = (finish: (exitCode: number) => void): Command =>
  new Command('diff')
    .description('what the run B has different from the run A: by cell and case')
    .argument('<a>', 'a run: its id, latest, its folder, or a results.json')
    .argument('<b>', 'the run to hold against it')
    .addOption(new Option('--json', 'the whole difference, for a program').conflicts('markdown'))
    .addOption(new Option('--markdown', 'for a pull request or a mail'))
    .action((a: string, b: string, { json, markdown }: DiffFlags) => {
      const diff = diffRuns(findResults(a, process.cwd()), findResults(b, process.cwd()))
      const lines = json === true ? [JSON.stringify(diff, null, 2)]
        : markdown === true ? diffMarkdown(diff)
          : diffLines(diff, painter(terminalKind(process.stdout.isTTY, process.env).color))
      process.stdout.write(`${lines.join('\n')}\n`)
      finish(diff.worse ? 1 : 0)
    })
