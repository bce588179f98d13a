import { existsSync } from 'node:fs'
import { copyFile, lstat, mkdir, readFile, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { cleanLine } from '../host/clean-text.ts'
import { LabError, yours } from '../host/errors.ts'
import { run } from '../host/spawn.ts'
import type { KernelPatch } from './kernel-input.ts'
import type { SourceContext } from './kernel-source.ts'
import { type FileDiff, parseDiff, touchedPaths } from './unified-diff.ts'

/**
 * Applies a series to a copy of what it touches: `tree` is only read, `overlay` (an empty folder) afterwards holds every touched file as
 * it is then; one that is not there was deleted. Resolves to the touched paths. As strict as git am: lines may have moved, not changed.
 * Throws yours/PATCH_DOES_NOT_APPLY with patch, file and hunk.
 */
export const applyPatches = async (
  tree: string, source: string, patches: readonly KernelPatch[], overlay: string, context: SourceContext,
): Promise<readonly string[]> => {
  const touched = [...new Set(patches.flatMap(({ text }) => touchedPaths(parseDiff(text))))]
  for (const path of touched) await copyFrom(tree, path, overlay)
  for (const [index, patch] of patches.entries()) {
    context.signal.throwIfAborted()
    const file = join(dirname(overlay), `${index + 1}.patch`)
    await writeFile(file, patch.text, 'latin1')
    const said = await gitApply(file, overlay, [], context)
    if (said !== undefined) {
      const isThere = await gitApply(file, overlay, ['--check', '--reverse'], context) === undefined
      throw doesNotApply({ patch, index, count: patches.length, source, said, isThere })
    }
  }
  return touched
}

const copyFrom = async (tree: string, path: string, overlay: string): Promise<void> => {
  const from = join(tree, path)
  if (!existsSync(from) || !(await lstat(from)).isFile()) return
  await mkdir(dirname(join(overlay, path)), { recursive: true })
  await copyFile(from, join(overlay, path))
}

/** Undefined when it did; otherwise what git has against it. */
const gitApply = async (file: string, overlay: string, more: readonly string[], { tools, signal }: SourceContext): Promise<readonly string[] | undefined> => {
  const command = tools.command({
    program: 'git',
    args: ['-c', 'core.autocrlf=false', '-c', 'core.fileMode=true', 'apply', '-p1', '--whitespace=nowarn', ...more, file],
    write: [dirname(overlay)],
    cwd: overlay,
    // No repository above it is meant.
    env: { GIT_CEILING_DIRECTORIES: dirname(overlay), LC_ALL: 'C' },
  })
  try {
    await run(command, { what: `applying ${file}`, writes: [overlay], signal })
    return undefined
  } catch (error) {
    if (!(error instanceof LabError) || error.code !== 'TOOL_FAILED') throw error
    return error.tail
  }
}

interface Refusal {
  readonly patch: KernelPatch
  readonly index: number
  readonly count: number
  readonly source: string
  readonly said: readonly string[]
  /** It can be taken away again: the tree has it already. */
  readonly isThere: boolean
}

const doesNotApply = ({ patch, index, count, source, said, isThere }: Refusal): LabError => {
  const files = parseDiff(patch.text)
  const where = said.map((line) => /^error: patch failed: (.+):(\d+)$/.exec(line)).find((match) => match !== null)
  const which = count === 1 ? '' : ` ${index + 1} of ${count}`
  return yours('PATCH_DOES_NOT_APPLY', `patch${which} "${cleanLine(patch.title, 120)}" does not apply to ${source}: ${
    where === undefined ? otherReason(said) : hunkText(files, where[1] ?? '', Number(where[2]))}`, {
    tail: said.filter((line) => line.startsWith('error:')).slice(0, 8).map((line) => cleanLine(line, 200)),
    hint: isThere ? 'this tree has the patch already' : 'was it made for another kernel, or does it need a patch before it?',
  })
}

const hunkText = (files: readonly FileDiff[], path: string, line: number): string => {
  const hunks = files.filter(({ oldPath, newPath }) => oldPath === path || newPath === path).flatMap((file) => file.hunks)
  const number = hunks.findIndex(({ oldStart }) => oldStart === line)
  const hunk = hunks[number]
  return `${cleanLine(path, 200)}, ${hunk === undefined ? `line ${line}` : `hunk ${number + 1} of ${hunks.length} (${cleanLine(hunk.header, 120)})`}`
}

const otherReason = (said: readonly string[]): string =>
  cleanLine(said.find((line) => line.startsWith('error: '))?.slice('error: '.length) ?? said.at(-1) ?? 'git apply refuses it', 200)

/** Content and mode of a file of the overlay; undefined when a patch deleted it, or it never was. */
export const overlayFile = async (overlay: string, path: string): Promise<{ readonly bytes: Buffer; readonly executable: boolean } | undefined> => {
  const file = join(overlay, path)
  const stats = await lstat(file).catch(() => undefined)
  return stats?.isFile() === true ? { bytes: await readFile(file), executable: (stats.mode & 0o100) !== 0 } : undefined
}
