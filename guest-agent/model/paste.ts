import type { Call } from './calls.ts'
import { IOCTL_OF } from './calls.ts'
import { answerText, expectationText } from './expectation.ts'
import { MEMORY_BYTES } from './memory.ts'
import { Names } from './names.ts'
import { expressionOf, hasValue } from './paste-call.ts'
import { hex, LAST_IOVA } from './ranges.ts'
import type { Step } from './run-commands.ts'

/** A sequence as something to read. */
export interface PastedCase {
  /** What differs: the last call, what must come and what came. */
  readonly difference: string
  /** A `defineCase` that can be pasted into a suite. */
  readonly code: string
}

interface Line {
  readonly text: string
  /** What the line names; it is left out if nobody says that name. */
  readonly name?: string
}

export interface PasteOptions {
  readonly seed: number
  readonly withDevice: boolean
  /** How many characters its calls may have: what is too long loses its first lines. */
  readonly maxLength: number
}

/** The steps as a case, without those that change nothing. */
export const pasteCase = (steps: readonly Step[], { seed, withDevice, maxLength }: PasteOptions): PastedCase => {
  const names = new Names()
  const lines: Line[] = []
  let difference = ''
  steps.forEach((step, index) => {
    const isLast = index === steps.length - 1
    const expression = expressionOf(step.call, names)
    if (isLast) difference = `${expression}: ${expectationText(step.expected)} expected, the kernel said ${answerText(step.answer)}`
    if (isLast || !changesNothing(step)) lines.push(lineOf(step, expression, names, isLast))
  })
  const used = usedLines(lines)
  const calls = steps.filter((step, index) => index === steps.length - 1 || !changesNothing(step)).map(({ call }) => call)
  const frame = frameOf(calls, seed, withDevice)
  return { difference, code: [...frame.head, ...frame.setUp(used), ...fitting(used, maxLength), ...frame.end].join('\n') }
}

/** Reading, and taking away what is not there. */
const changesNothing = ({ call, expected }: Step): boolean =>
  call.op === 'ranges' || (call.op === 'unmap' && call.iova === 0n && call.length === LAST_IOVA && 'returns' in expected && expected.returns === 0n)

const lineOf = ({ call, expected, answer }: Step, expression: string, names: Names, isLast: boolean): Line => {
  if ('refused' in expected) {
    return { text: `expectErrno('${expected.refused}', () => ${hasValue(call) ? expression : `{ ${expression} }`})${heard(answerText(answer), isLast)}` }
  }
  if ('chooses' in expected) {
    const value = 'value' in answer && typeof answer.value === 'bigint' ? answer.value : 0n
    return chosenLine(call, expression, value, names, heard(answerText(answer), isLast))
  }
  if (!hasValue(call) || ((call.op === 'map' || call.op === 'copy') && !isLast)) return { text: `${expression}${heard(answerText(answer), isLast)}` }
  const value = typeof expected.returns === 'string' ? expected.returns : valueOf(call, expected.returns, names)
  return { text: `equal(${expression}, ${value}, '${WHAT[call.op] ?? 'result'}')${heard(answerText(answer), isLast)}` }
}

const WHAT: Readonly<Partial<Record<Call['op'], string>>> = {
  'map': 'IOVA', 'copy': 'IOVA', 'unmap': 'bytes unmapped', 'unmap-dma': 'bytes unmapped', 'ranges': 'IOVA ranges', 'attach': 'page table',
}

const heard = (answer: string, isLast: boolean): string => (isLast ? ` // the kernel said ${answer}` : '')

const valueOf = ({ op }: Call, value: bigint, names: Names): string => (op === 'attach' ? names.id(Number(value)) : hex(value))

const chosenLine = (call: Call, expression: string, value: bigint, names: Names, heardText: string): Line => {
  const kind = call.op === 'ioas-alloc' ? 'ioas' : call.op === 'map' || call.op === 'copy' ? 'iova' : 'hwpt'
  const name = names.next(kind)
  if (call.op === 'map' || call.op === 'copy') names.setIova(name, { start: value, last: value + call.length - 1n })
  else names.setObject(Number(value), name)
  return { text: `const ${name} = ${expression}${heardText}`, name }
}

/** A name that nobody says is no name; an IOAS that nobody names is not needed either. */
const usedLines = (lines: readonly Line[]): readonly string[] => {
  const kept: string[] = []
  for (const [index, { text, name }] of [...lines.entries()].toReversed()) {
    const isSaid = name === undefined || kept.some((line) => new RegExp(`\\b${name}\\b`).test(line))
    if (isSaid) kept.unshift(text)
    else if (!text.includes('ioasAlloc()') || index === lines.length - 1) kept.unshift(text.replace(`const ${name} = `, ''))
  }
  return kept
}

const fitting = (lines: readonly string[], maxLength: number): readonly string[] => {
  const indented = lines.map((line) => `    ${line}`)
  let left = maxLength
  const from = indented.findLastIndex((line) => (left -= line.length + 1) < 0) + 1
  return from === 0 ? indented : [`    // ${from} calls before these are not shown`, ...indented.slice(from)]
}

const boundNames = (lines: readonly string[]): string => {
  const said = ['cdev', 'deviceId'].filter((name) => lines.some((line) => line.includes(name)))
  return said.length === 0 ? '' : `const { ${said.join(', ')} } = `
}

const frameOf = (calls: readonly Call[], seed: number, withDevice: boolean) => ({
  head: [
    'defineCase({',
    `  name: 'model-${seed}',`,
    `  title: 'what the model found with seed ${seed}',`,
    `  needs: { ${withDevice ? "access: 'cdev', iommu: 'present'" : "config: ['IOMMUFD']"} },`,
    `  covers: { ioctls: [${[...new Set(calls.map(({ op }) => `'${IOCTL_OF[op]}'`))].join(', ')}], sources: ['drivers/iommu/iommufd/io_pagetable.c'] },`,
    '  run: (lab) => {',
  ],
  setUp: (lines: readonly string[]) => [
    '    const iommu = lab.use(IommuFd.open())',
    ...(withDevice ? [`    ${boundNames(lines)}bindCdev(lab, lab.device(), iommu)`] : []),
    ...(lines.some((line) => line.includes('compat.')) ? ['    const compat = new Container(iommu.fd)'] : []),
    ...(lines.some((line) => line.includes('{ address')) ? [
      `    const memory = lab.use(Memory.pages(0x${(2n * MEMORY_BYTES).toString(16)}))`,
      `    const address = (memory.address + ${hex(MEMORY_BYTES - 1n)}) & -${hex(MEMORY_BYTES)}`,
    ] : []),
  ],
  end: ['  },', '})'],
})
