import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { yours } from '../host/errors.ts'
import { suggestion } from '../host/nearest-name.ts'
import type { Results } from '../verdict/results.ts'
import { jsonOf } from '../host/json-of.ts'
import { RESULTS_FILE } from './results-json.ts'
import { resultsFile } from './results-schema.ts'

/**
 * The results of a run: `name` is a run's id or `latest` in `<home>/.lab/runs`, a run's folder, or a results.json.
 * Throws yours/NO_SUCH_RUN, or yours/RESULTS_INVALID with the first thing that is wrong.
 */
export const findResults = (name: string, home: string): Results => {
  const file = fileOf(name, home)
  const text = readFileSync(file, 'utf8')
  const parsed = resultsFile.safeParse(jsonOf(text))
  if (parsed.success) return parsed.data
  const issue = parsed.error.issues[0]
  throw yours('RESULTS_INVALID', `${file} holds no results of a run: ${issue === undefined ? '' : `${issue.path.join('.')}: ${issue.message}`}`, {
    hint: 'The file was changed, or another version of the lab wrote it.',
  })
}

const fileOf = (name: string, home: string): string => {
  const runs = join(home, '.lab', 'runs')
  const isName = !/[\\/]/.test(name) && name !== '..' && name !== '.'
  const places = [...(isName ? [join(runs, name)] : []), resolve(name)]
  const found = places.flatMap((place) => (isFile(place) ? [place] : [join(place, RESULTS_FILE)])).find(isFile)
  if (found !== undefined) return found
  const folder = places.find((place) => existsSync(place))
  if (folder !== undefined) throw yours('NO_SUCH_RUN', `${folder} has no ${RESULTS_FILE}`, { hint: 'A run writes it when it ends; one that was killed has none.' })
  throw yours('NO_SUCH_RUN', `there is no run ${name}${isName ? suggestion(name, idsIn(runs)) : ''}`, {
    hint: `Say the id of a run in ${runs}, latest, a run's folder, or a ${RESULTS_FILE}.`,
  })
}

const isFile = (path: string): boolean => statSync(path, { throwIfNoEntry: false })?.isFile() ?? false

const idsIn = (runs: string): readonly string[] =>
  existsSync(runs) ? readdirSync(runs).filter((name) => !name.startsWith('.')).toSorted().toReversed() : []
