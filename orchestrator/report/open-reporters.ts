import type { LabError } from '../host/errors.ts'
import { eventsNdjson } from './events-ndjson.ts'
import { ktap } from './ktap.ts'
import { multiplexer, type Multiplexer } from './multiplexer.ts'
import type { SourceArgs } from './rerun-command.ts'
import { nearPath } from './near-path.ts'
import { resultsJson } from './results-json.ts'
import { progressWindow, terminal, type TerminalOptions } from './terminal.ts'

export interface ReportersOptions {
  readonly stream: TerminalOptions['stream']
  readonly env: TerminalOptions['env']
  /** The user's working folder: paths are told as seen from there. */
  readonly cwd: string
  readonly sourceArgs: SourceArgs
  /** Called once for each reporter that fails. */
  readonly onFailure: (error: LabError) => void
}

/** What every run tells: the files in its folder and the terminal. The event log comes first, so that it holds what any other tells. */
export const openReporters = (runDir: string, { stream, env, cwd, sourceArgs, onFailure }: ReportersOptions): Multiplexer =>
  multiplexer([
    eventsNdjson(runDir),
    resultsJson(runDir),
    ktap(runDir),
    terminal({ stream, env, runDir: nearPath(runDir, cwd), sourceArgs }),
  ], onFailure)

/** What one of many runs tells: the files in its folder, and on a terminal how far it is; its verdict is another's to tell. `told`: notices of the runs before. */
export const openStepReporters = (runDir: string, { stream, env, onFailure }: Pick<ReportersOptions, 'stream' | 'env' | 'onFailure'>, told: Set<string>): Multiplexer =>
  multiplexer([eventsNdjson(runDir), resultsJson(runDir), ktap(runDir), progressWindow({ stream, env }, told)], onFailure)
