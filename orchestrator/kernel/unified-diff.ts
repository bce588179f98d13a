/** One hunk: `@@ -12,7 +12,9 @@ function`. */
export interface Hunk {
  /** First line of it in the file as it was. */
  readonly oldStart: number
  /** The line that begins it, as it stands in the patch. */
  readonly header: string
}

/** What a patch does to one file. Paths are below the top of the tree; undefined: /dev/null. */
export interface FileDiff {
  readonly oldPath: string | undefined
  readonly newPath: string | undefined
  readonly hunks: readonly Hunk[]
}

interface Building {
  oldPath: string | undefined
  newPath: string | undefined
  readonly hunks: Hunk[]
}

/**
 * The files of a unified diff as git and diff -u write it (-p1). What a hunk removes or adds is never taken for a header: its lines
 * are counted. Text around the diff is passed over.
 */
export const parseDiff = (text: string): readonly FileDiff[] => {
  const files: Building[] = []
  let [oldLeft, newLeft] = [0, 0]
  for (const line of text.split('\n')) {
    if (oldLeft > 0 || newLeft > 0) {
      if (!line.startsWith('\\')) {
        if (!line.startsWith('+')) oldLeft -= 1
        if (!line.startsWith('-')) newLeft -= 1
      }
      continue
    }
    const file = files.at(-1)
    const hunk = /^@@ -(\d+)(?:,(\d+))? \+\d+(?:,(\d+))? @@/.exec(line)
    if (hunk !== null && file !== undefined) {
      [oldLeft, newLeft] = [Number(hunk[2] ?? 1), Number(hunk[3] ?? 1)]
      file.hunks.push({ oldStart: Number(hunk[1]), header: line })
    } else {
      header(line, files)
    }
  }
  return files
}

const header = (line: string, files: Building[]): void => {
  const git = /^diff --git (\S+|"(?:[^"\\]|\\.)*") (\S+|"(?:[^"\\]|\\.)*")$/.exec(line)
  if (git !== null) {
    files.push({ oldPath: stripped(git[1]), newPath: stripped(git[2]), hunks: [] })
    return
  }
  const named = /^(---|\+\+\+|rename from|rename to|copy from|copy to) ("(?:[^"\\]|\\.)*"|[^\t]+)/.exec(line)
  if (named === null) return
  const [, word, name = ''] = named
  const path = word === '---' || word === '+++' ? stripped(name) : unquoted(name)
  // A diff that git did not write has only these two lines; the first of them begins a file.
  if (word === '---' && files.at(-1)?.hunks.length !== 0) files.push({ oldPath: path, newPath: path, hunks: [] })
  const file = files.at(-1)
  if (file === undefined) return
  if (word === '---' || word === 'rename from' || word === 'copy from') file.oldPath = path
  else file.newPath = path
}

/** Without its first folder (`a/`, `b/`, `linux.orig/`). */
const stripped = (name: string | undefined): string | undefined => {
  const path = unquoted(name ?? '').trimEnd()
  return path === '/dev/null' ? undefined : path.replace(/^[^/]*\//, '')
}

/** Git quotes names with odd bytes as C does, the bytes in octal. */
const unquoted = (name: string): string =>
  name.startsWith('"')
    ? name.slice(1, -1).replaceAll(/\\([0-7]{3}|.)/g, (_, code: string) => (/^[0-7]{3}$/.test(code) ? String.fromCharCode(Number.parseInt(code, 8)) : ({ n: '\n', t: '\t' })[code] ?? code))
    : name

/** Every path that the patch reads or writes. */
export const touchedPaths = (files: readonly FileDiff[]): readonly string[] =>
  [...new Set(files.flatMap(({ oldPath, newPath }) => [oldPath, newPath]).filter((path) => path !== undefined))]
