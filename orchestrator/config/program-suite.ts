import type { DeviceKind } from '../../guest-agent/protocol.ts'

/** A suite of programs that are no part of the lab. It runs when --suite or --case names it, or with --all. */
export type ProgramSuite = KselftestSuite | OwnProgram

/** A folder of tools/testing/selftests/ of the tree under test: `vfio`. Its suite is called `selftests-vfio`. */
export interface KselftestSuite {
  readonly kind: 'kselftest'
  readonly folder: string
}

/** A program of the user. Its suite has its name. */
export interface OwnProgram {
  readonly kind: 'program'
  readonly name: string
  /**
   * A command for sh, run with the tools of the lab in a new folder, which then goes into the guest. $SRC is the folder of lab.config.ts, $UAPI has the uapi headers of the
   * tree under test. Left out: the program of `run` is a file, relative to lab.config.ts.
   */
  readonly build?: string | undefined
  /** The program and its arguments; `{bdf}` is the address of a device that is bound to vfio-pci. */
  readonly run: readonly string[]
  readonly output: 'ktap' | 'tap' | 'exit-code'
  /** What `{bdf}` is. Default: the first device of the machine. */
  readonly device?: DeviceKind | undefined
  /** With hardware virtualisation; without it four times that. Default 30. */
  readonly timeoutSeconds?: number | undefined
}

export const suiteName = (suite: ProgramSuite): string => (suite.kind === 'kselftest' ? `selftests-${suite.folder}` : suite.name)
