import { readFile } from 'node:fs/promises'
import { join } from 'node:path'

/** The version that stands in the top Makefile of a kernel tree. */
export interface MakefileVersion {
  readonly major: number
  readonly minor: number
  /** As `make kernelversion` says it: `7.3.0-rc7`. */
  readonly text: string
}

/** Undefined when the Makefile has no version, or there is none. */
export const readMakefileVersion = async (tree: string): Promise<MakefileVersion | undefined> => {
  const text = await readFile(join(tree, 'Makefile'), 'utf8').catch(() => '')
  const field = (name: string) => new RegExp(`^${name}[ \\t]*=[ \\t]*(.*?)[ \\t]*$`, 'm').exec(text)?.[1] ?? ''
  const [major, minor] = [field('VERSION'), field('PATCHLEVEL')]
  if (!/^\d+$/.test(major) || !/^\d+$/.test(minor)) return undefined
  const sublevel = field('SUBLEVEL')
  const numbers = [major, minor, ...(sublevel === '' ? [] : [sublevel])].join('.')
  return { major: Number(major), minor: Number(minor), text: `${numbers}${field('EXTRAVERSION')}` }
}

/** The newest kernel that the catalogue of cases was checked against. */
const CHECKED_AGAINST = { major: 7, minor: 3 }

/** One line about a kernel newer than that, or undefined. */
export const newerThanCatalogue = (release: string): string | undefined => {
  const [, major, minor] = /^(\d+)\.(\d+)/.exec(release) ?? []
  if (major === undefined || minor === undefined) return undefined
  const newer = Number(major) - CHECKED_AGAINST.major || Number(minor) - CHECKED_AGAINST.minor
  return newer <= 0
    ? undefined
    : `kernel ${release} is newer than ${CHECKED_AGAINST.major}.${CHECKED_AGAINST.minor}, which the cases were checked against: `
      + 'a verdict may be the catalogue\'s fault'
}
