import { createHash } from 'node:crypto'
import { mkdir, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { labFault, LabError, yours } from '../host/errors.ts'
import { tryLock } from '../host/lock.ts'
import { bundleAgent } from '../image/agent-bundle.ts'
import { runLab, type RunRequest } from '../run/run-lab.ts'
import type { Results } from '../verdict/results.ts'
import { openJournal, type Journal } from './journal.ts'
import type { JudgedState, LabState } from './lab-state.ts'
import type { SearchEvent } from './search-event.ts'
import { type Place, turnedPlaces, verdictOf } from './wrong-places.ts'

export interface SearchRequest {
  /** The folder of lab.config.ts. */
  readonly home: string
  /** All that the question consists of: the same question finds its journal again. */
  readonly question: unknown
  readonly run: Pick<RunRequest, 'selection' | 'isolate' | 'workers' | 'accel' | 'openReporters' | 'signal'>
  readonly onEvent: (event: SearchEvent) => void
}

/** A search that judges states of a kernel, one run each. Disposing lets another one of the same question begin. */
export interface Search extends AsyncDisposable {
  /** Where its journal, its runs and its answer are: `<home>/.lab/bisect/<id>`. */
  readonly folder: string
  readonly onEvent: (event: SearchEvent) => void
  /**
   * Judges both ends, which must differ, and says what is wrong in the second one only.
   * Throws yours/NOTHING_BROKEN, BROKEN_BEFORE, and what a run throws.
   */
  judgeEnds(good: LabState, bad: LabState): Promise<readonly Place[]>
  /** Whether a state between them has it too. Throws lab/STATE_NOT_JUDGED when the lab or its host failed. */
  judge(state: LabState, places: readonly Place[]): Promise<JudgedState>
}

/** Throws lab/FOLDER_IN_USE while another lab searches for the same. */
export const openSearch = async ({ home, question, run, onEvent }: SearchRequest): Promise<Search> => {
  const folder = join(home, '.lab', 'bisect', await idOf(question))
  await mkdir(folder, { recursive: true })
  const held = await tryLock(join(folder, 'lock'))
  if (held === undefined) throw labFault('FOLDER_IN_USE', `another lab bisects the same in ${folder}`, { hint: 'wait until it ends' })
  await using stack = new AsyncDisposableStack()
  stack.use(held)
  const journal = await openJournal(join(folder, 'journal.ndjson'))
  if (journal.places !== undefined) onEvent({ event: 'resumed', folder })
  const runState = async (state: LabState, selection: RunRequest['selection']): Promise<Results> => {
    const out = join(folder, 'runs', state.id)
    // Of one that was stopped in the middle.
    await rm(out, { recursive: true, force: true })
    const results = await runLab({ ...run, config: state.config, selection, out })
    run.signal.throwIfAborted()
    const failed = results.cells.find(({ status }) => status === 'lab-error')
    if (failed !== undefined) throw labFault('STATE_NOT_JUDGED', `${state.title} could not be judged: ${failed.because ?? ''}`, { hint: 'the same command goes on from here' })
    return results
  }
  const search: Omit<Search, typeof Symbol.asyncDispose> = {
    folder,
    onEvent,
    judgeEnds: async (good, bad) => {
      const places = journal.places ?? await differenceOf(good, bad, (state) => runState(state, run.selection), onEvent)
      if (journal.places === undefined) await journal.addEnds(places)
      onEvent({ event: 'ends', places })
      return places
    },
    judge: (state, places) => judge(state, places, { journal, onEvent, runState: (narrow) => runState(narrow, narrowed(run.selection, places)) }),
  }
  const kept = stack.move()
  return { ...search, [Symbol.asyncDispose]: () => kept.disposeAsync() }
}

/** A changed case may judge otherwise: the agent is part of the question. */
const idOf = async (question: unknown): Promise<string> => {
  const { code } = await bundleAgent()
  const text = JSON.stringify(question, (_, value: unknown) => (typeof value === 'bigint' ? String(value) : value))
  return createHash('sha256').update(text).update(code).digest('hex').slice(0, 12)
}

const differenceOf = async (
  good: LabState, bad: LabState, runState: (state: LabState) => Promise<Results>, onEvent: Search['onEvent'],
): Promise<readonly Place[]> => {
  onEvent({ event: 'end', end: 'good', title: good.title })
  const a = await runState(good)
  onEvent({ event: 'end', end: 'bad', title: bad.title })
  const b = await runState(bad)
  if (b.summary.unexpected === 0) {
    throw yours('NOTHING_BROKEN', `${bad.title} is as expected: there is nothing to search for`, { hint: 'choose other cases, machines or configs, or another bad end' })
  }
  const places = turnedPlaces(a, b)
  if (places.length === 0) throw yours('BROKEN_BEFORE', `what is wrong in ${bad.title} is wrong in ${good.title} too`, { hint: 'choose a good end in which it still works' })
  return places
}

interface Judging {
  readonly journal: Journal
  readonly onEvent: Search['onEvent']
  readonly runState: (state: LabState) => Promise<Results>
}

const judge = async (state: LabState, places: readonly Place[], { journal, onEvent, runState }: Judging): Promise<JudgedState> => {
  const known = journal.judged(state.id)
  if (known !== undefined) {
    onEvent({ event: 'judged', state: known, ms: 0, known: true })
    return known
  }
  const startedAt = performance.now()
  const { id, title } = state
  const judged = { id, title, ...await judgeOnce({ ...state, config: onlyPlaces(state.config, places) }, places, runState) }
  await journal.add(judged)
  onEvent({ event: 'judged', state: judged, ms: performance.now() - startedAt, known: false })
  return judged
}

/** A state in the middle of a history may be one that nobody could judge; for the ends these are errors. */
const UNJUDGEABLE: readonly string[] = ['UNKNOWN_SYMBOL', 'NOT_A_KERNEL_TREE']

const judgeOnce = async (state: LabState, places: readonly Place[], runState: Judging['runState']): Promise<Pick<JudgedState, 'verdict' | 'because'>> => {
  try {
    return verdictOf(await runState(state), places)
  } catch (error) {
    if (error instanceof LabError && UNJUDGEABLE.includes(error.code)) return { verdict: 'skip', because: error.message }
    throw error
  }
}

/** Only the cells in which it shows. */
const onlyPlaces = (config: LabState['config'], places: readonly Place[]): LabState['config'] => ({
  ...config,
  configs: config.configs.filter(({ name }) => places.some((place) => place.config === name)),
  machines: config.machines.filter(({ name }) => places.some((place) => place.machine === name)),
})

/** One case that shows it is asked alone. */
const narrowed = (selection: RunRequest['selection'], places: readonly Place[]): RunRequest['selection'] => {
  const cases = new Set(places.map((place) => place.case))
  const [only] = cases
  return cases.size === 1 && only !== null ? { ...selection, case: only } : selection
}
