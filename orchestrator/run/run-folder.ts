import { randomBytes } from 'node:crypto'
import { mkdir, readdir, readlink, rename, rm, rmdir, symlink } from 'node:fs/promises'
import { join } from 'node:path'
import { labFault } from '../host/errors.ts'
import { tryLock } from '../host/lock.ts'
import { unlessMissing } from '../host/unless-missing.ts'

/** Where one run leaves what it found. Disposing gives the place free for the next run; the files stay. */
export interface RunFolder extends AsyncDisposable {
  /** Time and four random digits: `20261120-141503-9f3a`. */
  readonly id: string
  readonly dir: string
  /** `cells/<kernel>/<config>/<machine>` of this run, made when asked for. */
  readonly cellDir: (cellId: string) => Promise<string>
  /** For a run that judged nothing: the place is as it was before, and may be asked for again. */
  readonly abandon: () => Promise<void>
}

/**
 * A new folder `<home>/.lab/runs/<id>` with `.lab/runs/latest` pointing at it, or `out` itself.
 * Throws lab/FOLDER_IN_USE while another run works in the same place.
 */
export const openRunFolder = async (home: string, out: string | undefined, now: Date): Promise<RunFolder> => {
  const place = out ?? join(home, '.lab')
  await mkdir(place, { recursive: true })
  const held = await tryLock(join(place, 'lock'))
  if (held === undefined) {
    throw labFault('FOLDER_IN_USE', `another run works in ${place}`, {
      hint: 'Wait until it ends, or give this one a folder of its own with --out DIR.',
    })
  }
  const id = `${timestamp(now)}-${randomBytes(2).toString('hex')}`
  const runs = join(place, 'runs')
  const dir = out ?? join(runs, id)
  await mkdir(dir, { recursive: true })
  const before = await readdir(dir)
  const last = await unlessMissing(readlink(join(runs, 'latest')), 'EINVAL')
  if (out === undefined) await pointLatest(runs, id)
  return {
    id,
    dir,
    cellDir: async (cellId) => {
      const cellDir = join(dir, 'cells', ...cellId.split('/'))
      await mkdir(cellDir, { recursive: true })
      return cellDir
    },
    abandon: async () => {
      for (const name of await readdir(dir)) if (!before.includes(name)) await rm(join(dir, name), { recursive: true, force: true })
      if (out !== undefined) return
      await rmdir(dir)
      await (last === undefined ? rm(join(runs, 'latest'), { force: true }) : pointLatest(runs, last))
    },
    [Symbol.asyncDispose]: () => held[Symbol.asyncDispose](),
  }
}

const timestamp = (now: Date) => now.toISOString().slice(0, 19).replaceAll(/[-:]/g, '').replace('T', '-')

// A rename replaces the old link in one step: nobody ever finds `latest` missing.
const pointLatest = async (runs: string, id: string): Promise<void> => {
  const aside = join(runs, `.latest-${id}`)
  await symlink(id, aside)
  await rename(aside, join(runs, 'latest')).catch(async (cause: unknown) => {
    await rm(aside, { force: true })
    throw labFault('RUN_FOLDER', `cannot point ${join(runs, 'latest')} at ${id}`, { cause, hint: 'Remove whatever stands at that path.' })
  })
}
