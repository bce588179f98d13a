import type { ResolvedConfig } from '../config/resolved-config.ts'

/** One kernel in one state: at a commit, after some patches, with some symbols turned. */
export interface LabState {
  /** Names it in the journal and on the disk: `[a-z0-9-]+`. */
  readonly id: string
  /** For a person: `1a2b3c4d5e6f vfio: do this`. */
  readonly title: string
  /** The lab with this kernel alone. */
  readonly config: ResolvedConfig
}

/** `skip`: it cannot be told, e.g. because this state does not build. */
export type StateVerdict = 'good' | 'bad' | 'skip'

export interface JudgedState {
  readonly id: string
  readonly title: string
  readonly verdict: StateVerdict
  /** What made it so, in a line. */
  readonly because: string
}
