import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Argument, Command } from 'commander'
import { countText } from '../host/count-text.ts'
import { prepareAgent } from '../run/prepare-agent.ts'
import { listIoctls } from './list-ioctls.ts'
import { listDevices, type Listed, type Listing, listMachines } from './list-machines.ts'

const LISTS: Readonly<Record<'cases' | 'machines' | 'devices' | 'ioctls', (runs: readonly string[]) => Listing | Promise<Listing>>> = {
  cases: async () => counted(await listCases(), 'case'),
  machines: async () => counted(await listMachines(), 'machine'),
  devices: async () => counted(await listDevices(), 'device'),
  ioctls: listIoctls,
}

const counted = (rows: readonly Listed[], what: string): Listing => ({ rows, total: countText(rows.length, what) })

/** `lab list`: what there is to judge, and to judge it with. */
export const listCommand = (finish: (exitCode: number) => void): Command =>
  new Command('list')
    .description('every case that the lab has; the machines of the config; the devices that a machine can have; the ioctls of runs and what came of them')
    .addArgument(new Argument('[what]', 'what to list').choices(Object.keys(LISTS)).default('cases'))
    .addArgument(new Argument('[runs...]', 'for ioctls: runs, each by its id or folder').default(['latest'], 'latest'))
    .option('--json', 'all that is known of each')
    .action(async (what: keyof typeof LISTS, runs: readonly string[], { json }: { readonly json?: true }) => {
      const listing = await LISTS[what](runs)
      process.stdout.write(json ? `${JSON.stringify(listing.rows.map((row) => row.json), null, 2)}\n` : asTable(listing))
      finish(0)
    })

const listCases = async (): Promise<readonly Listed[]> => {
  const dir = await mkdtemp(join(tmpdir(), 'vfio-lab-list-'))
  try {
    const { catalogue } = await prepareAgent(dir)
    return catalogue.map((info) => ({ cells: [info.id, info.title], json: info }))
  } finally {
    await rm(dir, { recursive: true, force: true })
  }
}

const asTable = ({ rows, total }: Listing): string => {
  const widths = rows.reduce<readonly number[]>((most, { cells }) => cells.map((cell, at) => Math.max(cell.length, most[at] ?? 0)), [])
  const lines = rows.map(({ cells }) => cells.map((cell, at) => (at === cells.length - 1 ? cell : cell.padEnd(widths[at] ?? 0))).join('  '))
  return [...lines, total].map((line) => `${line}\n`).join('')
}
