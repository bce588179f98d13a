import { execa } from 'execa'
import fc from 'fast-check'
import { mkdir, rm, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { parseDiff, touchedPaths } from '../../../orchestrator/kernel/unified-diff.ts'
import { temporaryDir } from '../../lab-process.ts'

const GIT = `diff --git a/drivers/vfio/vfio_main.c b/drivers/vfio/vfio_main.c
index 111..222 100644
--- a/drivers/vfio/vfio_main.c
+++ b/drivers/vfio/vfio_main.c
@@ -12,2 +12,2 @@ static int f(void)
 context
--- a/looks/like/a/header.c
+++ b/looks/like/another.c
@@ -90 +90,2 @@
-one
+one
+two
diff --git a/new.c b/new.c
new file mode 100644
--- /dev/null
+++ b/new.c
@@ -0,0 +1 @@
+int new;
\\ No newline at end of file
diff --git a/old.c b/moved.c
similarity index 100%
rename from old.c
rename to moved.c
diff --git a/gone.c b/gone.c
deleted file mode 100644
--- a/gone.c
+++ /dev/null
@@ -1 +0,0 @@
-int gone;
--
2.47.0
`

describe('parseDiff', () => {
  it('reads what git writes: changes, new, moved and deleted files, hunks that look like headers', () => {
    expect(parseDiff(GIT)).toEqual([
      {
        oldPath: 'drivers/vfio/vfio_main.c', newPath: 'drivers/vfio/vfio_main.c',
        hunks: [{ oldStart: 12, header: '@@ -12,2 +12,2 @@ static int f(void)' }, { oldStart: 90, header: '@@ -90 +90,2 @@' }],
      },
      { oldPath: undefined, newPath: 'new.c', hunks: [{ oldStart: 0, header: '@@ -0,0 +1 @@' }] },
      { oldPath: 'old.c', newPath: 'moved.c', hunks: [] },
      { oldPath: 'gone.c', newPath: undefined, hunks: [{ oldStart: 1, header: '@@ -1 +0,0 @@' }] },
    ])
    expect(touchedPaths(parseDiff(GIT))).toEqual(['drivers/vfio/vfio_main.c', 'new.c', 'old.c', 'moved.c', 'gone.c'])
  })

  it('reads what diff -u writes, times and all', () => {
    const text = '--- linux.orig/a.c\t2026-11-22 10:00:00\n+++ linux/a.c\t2026-11-22 10:01:00\n@@ -1 +1 @@\n-a\n+b\n--- linux.orig/b.c\n+++ linux/b.c\n@@ -1 +1 @@\n-a\n+b\n'
    expect(touchedPaths(parseDiff(text))).toEqual(['a.c', 'b.c'])
  })

  it('reads quoted names', () => {
    expect(touchedPaths(parseDiff('diff --git "a/a\\tb.c" "b/a\\tb.c"\n--- "a/a\\tb.c"\n+++ "b/a\\tb.c"\n@@ -1 +1 @@\n-a\n+b\n'))).toEqual(['a\tb.c'])
  })

  it('finds nothing in prose', () => {
    expect(parseDiff('Hello,\n--\nthis is +++ no patch\n@@ -1 +1 @@\n')).toEqual([])
  })

  it('finds just the files that git changed', async () => {
    const line = fc.constantFrom('a', '', '--- a/x', '+++ b/x', '@@ -1 +1 @@', 'diff --git a/x b/x', '-- ', '-', '+')
    const files = fc.dictionary(fc.constantFrom('a.c', 'd/b.c', 'd/e/c.h'), fc.array(line, { maxLength: 12 }), { maxKeys: 3, noNullPrototype: true })
    await using folder = await temporaryDir()
    let round = 0
    await fc.assert(fc.asyncProperty(files, files, async (before, after) => {
      const top = join(folder.path, String(round++))
      for (const [side, content] of [['a', before], ['b', after]] as const) {
        await mkdir(join(top, side), { recursive: true })
        for (const [path, lines] of Object.entries(content)) {
          await mkdir(dirname(join(top, side, path)), { recursive: true })
          await writeFile(join(top, side, path), lines.map((one) => `${one}\n`).join(''))
        }
      }
      const { stdout } = await execa('git', ['diff', '--no-index', '--no-prefix', '--no-renames', 'a', 'b'], { cwd: top, reject: false })
      await rm(top, { recursive: true })
      const changed = [...new Set([...Object.keys(before), ...Object.keys(after)])].filter((path) => JSON.stringify(before[path]) !== JSON.stringify(after[path]))
      expect(touchedPaths(parseDiff(stdout)).toSorted()).toEqual(changed.toSorted())
    }), { numRuns: 40 })
  }, 60_000)

  it('takes whatever comes, in linear time', () => {
    fc.assert(fc.property(fc.string({ unit: 'binary' }), (text) => { expect(Array.isArray(parseDiff(text))).toBe(true) }))
    const long = 'diff --git a/x b/x\n'.repeat(50_000)
    expect(parseDiff(long)).toHaveLength(50_000)
  })
})
