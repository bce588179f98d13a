import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Command } from 'commander'
import { prepareAgent } from '../run/prepare-agent.ts'

/** `lab list`: every suite and case, with what it says must hold. */
export const listCommand = (finish: (exitCode: number) => void): Command =>
  new Command('list')
    .description('every suite and case that the agent has')
    .option('--json', 'the whole catalogue: what each case needs and covers')
    .action(async ({ json }: { readonly json?: true }) => {
      const dir = await mkdtemp(join(tmpdir(), 'vfio-lab-list-'))
      try {
        const { catalogue } = await prepareAgent(dir)
        if (json) {
          process.stdout.write(`${JSON.stringify(catalogue, null, 2)}\n`)
          finish(0)
          return
        }
        const width = Math.max(...catalogue.map(({ id }) => id.length))
        for (const { id, title } of catalogue) process.stdout.write(`${id.padEnd(width)}  ${title}\n`)
        process.stdout.write(`${catalogue.length} cases in ${new Set(catalogue.map(({ suite }) => suite)).size} suites\n`)
        finish(0)
      } finally {
        await rm(dir, { recursive: true, force: true })
      }
    })
