import type { Layout, Values } from '../../uapi/struct.ts'
import type { DmaPage } from '../dma-page.ts'
import { nvmeStructs } from './structs.ts'

/** Entries of each queue: both fit into a page. */
export const QUEUE_DEPTH = 16

type FieldsOf<L> = L extends Layout<infer F> ? F : never

/** A command without its id, which the queue gives it. */
export type Command = Omit<Values<FieldsOf<typeof nvmeStructs.command>>, 'cid'>

export interface Completion {
  /** Status code type and code: 0 is success. */
  readonly status: number
  readonly result: number
}

/** How the controller is told of a new tail of the submission queue, of a new head of the completion queue. */
export type Doorbell = (queue: 'submission' | 'completion', value: number) => void

/** One submission queue and the completion queue that belongs to it. */
export class QueuePair {
  readonly #submission: DmaPage
  readonly #completion: DmaPage
  readonly #ring: Doorbell
  #tail = 0
  #head = 0
  /** The controller inverts it each time it goes around. */
  #phase = 1
  #outstanding = 0

  constructor(submission: DmaPage, completion: DmaPage, ring: Doorbell) {
    this.#submission = submission
    this.#completion = completion
    this.#ring = ring
  }

  /** Commands whose completions were not taken yet. */
  get outstanding(): number {
    return this.#outstanding
  }

  submit(command: Command): void {
    const { command: layout } = nvmeStructs
    const { bytes } = layout.make({ ...command, cid: this.#tail })
    this.#submission.memory.bytes.set(bytes, this.#tail * layout.size)
    this.#tail = (this.#tail + 1) % QUEUE_DEPTH
    this.#outstanding += 1
    this.#ring('submission', this.#tail)
  }

  /** The next completion if it is there. */
  take(): Completion | undefined {
    const { completion: layout } = nvmeStructs
    const entry = layout.at(this.#completion.memory.bytes, this.#head * layout.size)
    const word = entry.get('status')
    if ((word & 1) !== this.#phase) return undefined
    const completion = { status: (word >> 1) & 0x7ff, result: entry.get('result') }
    this.#head = (this.#head + 1) % QUEUE_DEPTH
    if (this.#head === 0) this.#phase ^= 1
    this.#outstanding -= 1
    this.#ring('completion', this.#head)
    return completion
  }
}
