import { readdirSync, readFileSync } from 'node:fs'
import { basename, join } from 'node:path'
import type { Covers } from '../../guest-agent/protocol.ts'

/** A kernel bug planted on purpose: a patch of this folder, and what its header says. */
export interface PlantedBug {
  /** File name without `.patch`. */
  readonly name: string
  /** Absolute path of the patch; it applies with `patch -p1` in a tree of Linux 7.3. */
  readonly patch: string
  /** What is wrong then, as user space sees it. */
  readonly what: string
  readonly file: string
  readonly function: string
  /** Names as in the uapi headers; none for a bug of mmap, of the config space, of what no ioctl reaches. */
  readonly ioctls: readonly string[]
  /** `config/machine` of the default lab; the bug shows in each. */
  readonly cells: readonly string[]
  /** The suite that finds it, if it is one that runs when it is named; no other one does. */
  readonly suite?: string
}

/** Every bug of this folder, by name. Throws on a header that is not well-formed. */
export const plantedBugs = (): readonly PlantedBug[] =>
  readdirSync(import.meta.dirname)
    .filter((file) => file.endsWith('.patch'))
    .sort()
    .map((file) => parseBug(join(import.meta.dirname, file), readFileSync(join(import.meta.dirname, file), 'utf8')))

/** The machine whose device keeps translations: a QEMU is built for it. */
export const ATS_MACHINE = 'intel-ats'

export const needsAts = ({ cells }: PlantedBug): boolean => cells.some((cell) => cell.endsWith(`/${ATS_MACHINE}`))

/** It shows only in a kernel that is compiled from nothing for it. */
export const needsFaultInjection = ({ cells }: PlantedBug): boolean => cells.every((cell) => cell.startsWith('fault-injection/'))

/** Whether a case that fails points at the bug: it covers an ioctl of the bug's, or the source file that the bug is in. */
export const pointsAt = ({ ioctls, file }: PlantedBug, covers: Covers): boolean =>
  ioctls.some((ioctl) => covers.ioctls.includes(ioctl)) || covers.sources.includes(file)

/**
 * Reads the header above the line `---`: the fields of FIELDS, each once, in that order, `Suite` only where it is needed; a line that starts with a
 * space continues its field. `Ioctl: none` is a bug that only its file names.
 */
export const parseBug = (patch: string, text: string): PlantedBug => {
  const name = basename(patch, '.patch')
  const wrong = (what: string) => new Error(`${name}.patch: ${what}`)
  const end = text.indexOf('\n---\n')
  if (end === -1) throw wrong('no line --- ends the header')

  const unfolded = text.slice(0, end).replaceAll(/\n\s+/g, ' ').split('\n')
  if (unfolded.length !== FIELDS.length && unfolded.length !== FIELDS.length - 1) throw wrong(`the header must hold exactly ${FIELDS.join(', ')}`)
  const [what, where, ioctl, cells, suite] = FIELDS.slice(0, unfolded.length).map((field, index) => {
    const line = unfolded[index] ?? ''
    if (!line.startsWith(`${field}: `)) throw wrong(`expected "${field}: ", found "${line}"`)
    return line.slice(field.length + 2).trim()
  })

  const place = /^(?<file>drivers\/[\w/]+\.c) (?<function>\w+)\(\)$/.exec(where ?? '')
  if (place?.groups?.['file'] === undefined || place.groups['function'] === undefined) throw wrong('Where: wants "drivers/.../x.c function()"')
  if (!text.includes(`\n--- a/${place.groups['file']}\n`)) throw wrong(`the diff does not touch ${place.groups['file']}`)

  return {
    name,
    patch,
    what: what ?? '',
    file: place.groups['file'],
    function: place.groups['function'],
    ioctls: ioctl === 'none' ? [] : words(ioctl, /^(VFIO|IOMMU)_[A-Z0-9_]+$/, wrong),
    cells: words(cells, /^[a-z-]+\/[a-z-]+$/, wrong),
    ...(suite === undefined ? {} : { suite }),
  }
}

const FIELDS = ['What', 'Where', 'Ioctl', 'Cells', 'Suite'] as const

const words = (text: string | undefined, shape: RegExp, wrong: (what: string) => Error): readonly string[] => {
  const found = (text ?? '').split(' ').filter((word) => word !== '')
  const odd = found.find((word) => !shape.test(word))
  if (odd !== undefined) throw wrong(`"${odd}" is not of the shape ${shape.source}`)
  if (found.length === 0) throw wrong('an empty field')
  return found
}
