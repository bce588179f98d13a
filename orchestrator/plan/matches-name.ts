import { posix } from 'node:path'

/** Whether a name of the lab (a kernel, a config, a machine, a suite) is meant by a name or a glob. */
export const matchesName = (name: string, pattern: string): boolean => name === pattern || posix.matchesGlob(name, pattern)
