import { readdir, readFile, stat } from 'node:fs/promises'
import { basename, join } from 'node:path'
import { buffer } from 'node:stream/consumers'
import type { Readable } from 'node:stream'
import { yours } from '../host/errors.ts'
import type { KernelPatch } from './kernel-input.ts'
import { parsePatchFile, type PatchFile, seriesOf } from './patch-series.ts'

/** More than any series has; what is larger was given by mistake. */
const MOST_BYTES = 64 * 2 ** 20

const STDIN = 'standard input'

/**
 * The patches of `--patch`, in order: a file (a diff, a mail, an mbox), a folder of such files, taken by name or, with a `series` file, as
 * quilt does; `-` is `input`. Throws LabError yours: NO_SUCH_PATCH, QUILT_SERIES, and what patch-series.ts throws.
 */
export const readPatches = async (paths: readonly string[], input: Readable): Promise<readonly KernelPatch[]> => {
  const series: (readonly KernelPatch[])[] = []
  for (const path of paths) series.push(path === '-' ? seriesOf(STDIN, [parsePatchFile(STDIN, (await buffer(input)).toString('latin1'))]) : await readPath(path))
  return series.flat()
}

const readPath = async (path: string): Promise<readonly KernelPatch[]> => {
  const found = await stat(path).catch((cause: unknown) => { throw yours('NO_SUCH_PATCH', `the patch ${path} cannot be read`, { cause }) })
  return found.isDirectory() ? readFolder(path) : seriesOf(path, [await readFrom(path)])
}

const readFrom = async (path: string): Promise<PatchFile> => {
  const bytes = await readFile(path).catch((cause: unknown) => { throw yours('NO_SUCH_PATCH', `the patch ${path} cannot be read`, { cause }) })
  if (bytes.length > MOST_BYTES) throw yours('NO_PATCH', `${path} has ${bytes.length} bytes: no patch is that large`)
  return parsePatchFile(path, bytes.toString('latin1'))
}

const readFolder = async (folder: string): Promise<readonly KernelPatch[]> => {
  const names = (await readdir(folder)).toSorted()
  if (names.includes('series')) return readQuilt(folder, join(folder, 'series'))
  // Where quilt keeps its patches beside the tree.
  if (names.includes('patches') && names.includes('.pc')) return readQuilt(join(folder, 'patches'), join(folder, 'patches', 'series'))
  const files = names.filter((name) => /\.(patch|diff|mbox|mbx|eml)$/.test(name) && !/^0000-/.test(basename(name)))
  if (files.length === 0) throw yours('NO_PATCH', `${folder} holds no patch: no *.patch, *.diff, *.mbox or *.eml, and no series`)
  return seriesOf(folder, await Promise.all(files.map((name) => readFrom(join(folder, name)))))
}

/** A line a patch, in order: `name [-p1] [# comment]`. */
const readQuilt = async (folder: string, series: string): Promise<readonly KernelPatch[]> => {
  const lines = (await readFile(series, 'utf8')).split('\n').map((line) => line.replace(/(^|\s)#.*$/, '').trim()).filter((line) => line !== '')
  const patches: (readonly KernelPatch[])[] = []
  for (const line of lines) {
    const [name = '', ...options] = line.split(/\s+/)
    const other = options.find((option) => option !== '-p1')
    if (other !== undefined) throw yours('QUILT_SERIES', `${series}: ${name} wants ${other}`, { hint: 'the lab applies patches with -p1' })
    patches.push((await readFrom(join(folder, name))).found.map(({ patch }) => patch))
  }
  if (patches.length === 0) throw yours('NO_PATCH', `${series} names no patch`)
  return patches.flat()
}
