import type { Call } from './calls.ts'
import type { Command } from './commands.ts'
import { settle, type Answer, type Expectation } from './expectation.ts'
import type { IommufdModel } from './iommufd-model.ts'
import type { Kernel } from './kernel.ts'
import { lengthOf, LAST_IOVA } from './ranges.ts'

/** A call, what must come and what came. */
export interface Step {
  readonly call: Call
  readonly expected: Expectation
  readonly answer: Answer
}

export interface SequenceRun {
  readonly steps: readonly Step[]
  /** Is the last answer one that must not come? What both hold is then no longer the same. */
  readonly differs: boolean
}

/** Has model and kernel do the same, from one empty IOAS on, until they differ; at the end, every area and object must be there as the model has it. */
export const runCommands = (commands: readonly Command[], model: IommufdModel, kernel: Kernel): SequenceRun => {
  const steps: Step[] = []
  const agree = (call: Call): boolean => {
    const expected = model.step(call)
    const answer = kernel.call(call)
    steps.push({ call, expected, answer })
    return settle(expected, answer)
  }
  const differs = !agree({ op: 'ioas-alloc' }) || !commands.every((command) => agree(command(model))) || !lastCalls(model).every(agree)
  return { steps, differs }
}

/** Reads all there is and takes it away. */
const lastCalls = (model: IommufdModel): readonly Call[] => {
  const { objects, device } = model
  const ioases = objects.ids('ioas')
  return [
    ...ioases.flatMap((ioas): readonly Call[] => [
      ...(objects.table(ioas)?.areas.all ?? []).map((area): Call => ({ op: 'unmap', ioas, iova: area.start, length: lengthOf(area) })),
      { op: 'unmap', ioas, iova: 0n, length: LAST_IOVA },
      { op: 'ranges', ioas },
    ]),
    // A context without a device is closed with what it holds; one with a device is used again.
    ...(device === undefined ? [] : [{ op: 'detach' } as const, ...[...objects.ids('hwpt'), ...ioases].map((id): Call => ({ op: 'destroy', id }))]),
  ]
}
