import { cleanLine } from '../host/clean-text.ts'
import type { CellResult, Results } from '../verdict/results.ts'
import { cellVerdict } from './cell-summary.ts'
import type { Look, Paint } from './paint.ts'

/**
 * One table a kernel, a row a config, a column a machine: `62 pass`, `1 FAIL`, `build-failed`, `boot-failed`, `excluded`;
 * `-` where no cell was asked for. Machines that do not fit go into a second table below.
 */
export const matrixLines = ({ cells, excluded }: Results, columns: number, paint: Paint): readonly string[] => {
  const places = new Map(cells.map((cell) => [cell.id, cellVerdict(cell)]))
  for (const { id } of excluded) places.set(id, ['excluded', 'quiet'])
  return unique([...cells.map(({ kernel }) => kernel.name), ...excluded.map(({ id }) => part(id, 0))]).flatMap((kernel) => {
    const own = cells.filter((cell) => cell.kernel.name === kernel)
    const left = excluded.filter(({ id }) => part(id, 0) === kernel)
    const configs = unique([...own.map(({ config }) => config), ...left.map(({ id }) => part(id, 1))])
    const machines = unique([...own.map(({ machine }) => machine), ...left.map(({ id }) => part(id, 2))])
    const at = (config: string, machine: string) => places.get(`${kernel}/${config}/${machine}`) ?? (['-', 'quiet'] as const)
    return [
      ...kernelTitle(kernel, own, paint),
      ...tables(configs, machines, at, columns).flatMap((table) => table.map((row) => row.map(([words, width, look]) => {
        const padded = words.padEnd(width)
        return look === undefined ? padded : paint(look, padded)
      }).join('').trimEnd())),
      '',
    ]
  })
}

type Field = readonly [text: string, width: number, look?: Look]

const GAP = 2

const tables = (
  configs: readonly string[],
  machines: readonly string[],
  at: (config: string, machine: string) => readonly [string, Look],
  columns: number,
): readonly (readonly (readonly Field[])[])[] => {
  const first = Math.max(0, ...configs.map((config) => cleanLine(config).length)) + GAP
  const widths = machines.map((machine) => Math.max(cleanLine(machine).length, ...configs.map((config) => at(config, machine)[0].length)) + GAP)
  const groups: number[][] = []
  let room = 0
  for (const [index, width] of widths.entries()) {
    if (groups.length === 0 || room < width) {
      groups.push([])
      room = Math.max(columns - 2 - first, width)
    }
    groups.at(-1)?.push(index)
    room -= width
  }
  return groups.map((group) => {
    const head: readonly Field[] = [['', first], ...group.map((index): Field => [cleanLine(machines[index] ?? ''), widths[index] ?? 0, 'quiet'])]
    const rows = configs.map((config): readonly Field[] => [
      [cleanLine(config), first],
      ...group.map((index): Field => {
        const [words, look] = at(config, machines[index] ?? '')
        return [words, widths[index] ?? 0, look]
      }),
    ])
    return [head, ...rows].map((row) => [['  ', 2], ...row])
  })
}

const kernelTitle = (name: string, cells: readonly CellResult[], paint: Paint): readonly string[] => {
  const release = unique(cells.map((cell) => cell.kernel.release).filter((text) => text !== '')).join(', ')
  const patches = cells[0]?.kernel.patches.length ?? 0
  const with_ = patches === 0 ? '' : ` with ${patches} patches`
  return [`${paint('strong', cleanLine(name))}  ${cleanLine(release)}${with_}`]
}

const part = (id: string, index: number) => id.split('/')[index] ?? ''
const unique = (words: readonly string[]) => [...new Set(words)]
