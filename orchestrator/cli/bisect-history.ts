import { join } from 'node:path'
import { commitHistory } from '../bisect/commit-history.ts'
import { firstBad, type FirstBad, type History } from '../bisect/first-bad.ts'
import type { LabState } from '../bisect/lab-state.ts'
import { patchHistory } from '../bisect/patch-history.ts'
import { readPatches } from '../kernel/read-patches.ts'
import { firstBadLines } from '../report/answer-lines.ts'
import { nearPath } from '../report/near-path.ts'
import { PATCHES_FOLDER, savePatches } from '../run/save-patches.ts'
import type { BisectSession } from './bisect-session.ts'

/** Finds the first bad commit between --good and --bad, or the first bad patch of --patch. */
export const bisectHistory = async (session: BisectSession): Promise<0 | 1> => {
  const history = await historyOf(session)
  await using search = await session.openSearch([history.good.config.kernels, history.bad.config.kernels], session.config.configs)
  const found = await firstBad(history, search)
  const command = found.end.kind === 'found' ? await commandOf(found.end.state, found, session, search.folder) : undefined
  session.print(firstBadLines(found, command, session.paint))
  return found.end.kind === 'found' ? 0 : 1
}

const historyOf = async ({ flags: { tree, good, bad, patch }, config, kernel, openTools, signal }: BisectSession): Promise<History> => {
  if (patch !== undefined) return patchHistory(config, kernel, await readPatches(patch, process.stdin))
  if (tree === undefined || good === undefined || bad === undefined || kernel.source.kind !== 'tree') throw new Error('flags were checked')
  await using tools = await openTools()
  return await commitHistory(config, { dir: kernel.source.dir, good, bad }, tools, signal)
}

/** Shows the state beside the one before it. */
const commandOf = async ({ id, config: { kernels } }: LabState, { places }: FirstBad, { commandFor, kernel }: BisectSession, folder: string): Promise<string> => {
  const [bad] = kernels
  if (bad?.source.kind === 'git') return commandFor(places[0], ['--range', `${id.slice(0, 12)}^..${id.slice(0, 12)}`, '--base'])
  await savePatches(folder, kernels)
  const patches = ['--patch', nearPath(join(folder, PATCHES_FOLDER), process.cwd())]
  const count = bad?.patches.length ?? 0
  return commandFor(places[0], count === 1 ? [...patches, '--base'] : [...patches, '--each', '--kernel', `${kernel.name}+{${count - 1},${count}}`])
}
