/** One test of a program that is built with kselftest_harness.h. */
export interface HarnessTest {
  readonly fixture: string
  /** Empty: the fixture has no variants. */
  readonly variant: string
  readonly test: string
}

/** As the program names it, in its output and to be asked for with `-r`. */
export const harnessName = ({ fixture, variant, test }: HarnessTest): string => [fixture, ...(variant === '' ? [] : [variant]), test].join('.')

/**
 * What goes before a program's source, so that its main() is the harness's own and lists its tests without any device. That program is asked for its list on this host
 * and never goes into a guest.
 */
export const LISTING_HEADER = `
static int test_harness_run(int argc, char **argv);
int main(int argc, char **argv) { return test_harness_run(argc, argv); }
#define main main_of_the_program
int main_of_the_program(int argc, char **argv);
`

const COLUMNS = [20, 25] as const

/**
 * Every test of a program, in the order in which it runs them, from what `-l` prints: for each fixture two columns beside each other, its variants and its tests,
 * which all combine. Undefined: that is no such list.
 */
export const parseTestList = (lines: readonly string[]): readonly HarnessTest[] | undefined => {
  const rows = lines.filter((line) => line.trim() !== '')
  const head = rows.findIndex((line) => /^# FIXTURE +VARIANT +TEST$/.test(line))
  if (head === -1) return undefined
  const fixtures: { readonly name: string; readonly variants: string[]; readonly tests: string[] }[] = []
  for (const row of rows.slice(head + 1)) {
    if (/^-+$/.test(row)) continue
    const [name, variant, test] = cellsOf(row)
    if (![name, variant, test].every((word) => /^\w*$/.test(word))) return undefined
    if (name !== '') fixtures.push({ name, variants: [], tests: [] })
    const fixture = fixtures.at(-1)
    if (fixture === undefined) return undefined
    if (variant !== '') fixture.variants.push(variant)
    if (test !== '') fixture.tests.push(test)
  }
  const all = fixtures.flatMap(({ name: fixture, variants, tests }) =>
    (variants.length === 0 ? [''] : variants).flatMap((variant) => tests.map((test) => ({ fixture, variant, test }))))
  return all.length === 0 ? undefined : all
}

/** A word that is longer than its column shifts what stands behind it. */
const cellsOf = (row: string): readonly [string, string, string] => {
  const [first, behind] = cell(row, COLUMNS[0])
  const [second, last] = cell(behind, COLUMNS[1])
  return [first, second, last.trim()]
}

const cell = (text: string, width: number): readonly [string, string] => {
  if (text.startsWith(' ')) return ['', text.slice(width + 1)]
  const word = /^\S*/.exec(text)?.[0] ?? ''
  return [word, text.slice(Math.max(word.length, width) + 1)]
}
