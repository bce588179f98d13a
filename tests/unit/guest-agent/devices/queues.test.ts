import fc from 'fast-check'
import { beforeAll, expect, test } from 'vitest'
import type { DmaPage } from '../../../../guest-agent/devices/dma-page.ts'
import { QUEUE_DEPTH, QueuePair } from '../../../../guest-agent/devices/nvme/queue-pair.ts'
import { nvmeStructs } from '../../../../guest-agent/devices/nvme/structs.ts'
import { QUEUE_SIZE, USED_AT, WriteQueue } from '../../../../guest-agent/devices/virtio/write-queue.ts'
import { loadLibc } from '../../../../guest-agent/sys/libc.ts'
import { Memory, PAGE_SIZE } from '../../../../guest-agent/sys/memory.ts'

beforeAll(loadLibc)

const page = (address = 0n): DmaPage & Disposable => {
  const memory = Memory.pages(PAGE_SIZE)
  return { memory, address, [Symbol.dispose]: () => { memory.unmap() } }
}

/** A controller that carries out what stands in the submission queue, as the specification says: one completion a command, the phase inverted each round. */
class Controller {
  readonly seen: number[] = []
  readonly #submission: DmaPage
  readonly #completion: DmaPage
  #head = 0
  #tail = 0
  #completions = 0

  constructor(submission: DmaPage, completion: DmaPage) {
    this.#submission = submission
    this.#completion = completion
  }

  ring = (queue: 'submission' | 'completion', value: number): void => {
    if (queue === 'submission') this.#tail = value
  }

  work(): void {
    while (this.#head !== this.#tail) {
      const command = nvmeStructs.command.at(this.#submission.memory.bytes, this.#head * nvmeStructs.command.size)
      this.seen.push(command.get('cdw10'))
      this.#head = (this.#head + 1) % QUEUE_DEPTH
      const phase = 1 - (Math.floor(this.#completions / QUEUE_DEPTH) % 2)
      const slot = this.#completions % QUEUE_DEPTH
      this.#completions += 1
      const { bytes } = nvmeStructs.completion.make({ result: command.get('cdw10'), cid: command.get('cid'), status: (0x104 << 1) | phase })
      this.#completion.memory.bytes.set(bytes, slot * nvmeStructs.completion.size)
    }
  }
}

test('every command of nvme is completed once and in order, however often the queues go around', () => {
  fc.assert(fc.property(fc.array(fc.integer({ min: 1, max: QUEUE_DEPTH - 1 }), { maxLength: 12 }), (batches) => {
    using submission = page()
    using completion = page()
    const controller = new Controller(submission, completion)
    const queue = new QueuePair(submission, completion, controller.ring)
    let number = 0
    for (const batch of batches) {
      const first = number
      for (let each = 0; each < batch; each += 1) queue.submit({ opcode: 6, cdw10: number++ })
      expect(queue.take()).toBeUndefined()
      expect(queue.outstanding).toBe(batch)
      controller.work()
      for (let each = first; each < number; each += 1) expect(queue.take()).toEqual({ status: 0x104, result: each })
      expect(queue.take()).toBeUndefined()
      expect(queue.outstanding).toBe(0)
    }
    expect(controller.seen).toEqual(Array.from({ length: number }, (_, each) => each))
  }))
})

test('a buffer offered to a virtio device is outstanding until it is used, over more of them than the ring has slots', () => {
  using ring = page()
  const queue = new WriteQueue(ring)
  const view = new DataView(ring.memory.buffer)
  for (let round = 0; round < 3 * QUEUE_SIZE; round += 1) {
    const slot = round % QUEUE_SIZE
    queue.offer(0x1000n + BigInt(round), 64 + round)
    expect([view.getBigUint64(16 * slot, true), view.getUint32(16 * slot + 8, true)]).toEqual([0x1000n + BigInt(round), 64 + round])
    expect(queue.outstanding).toBe(true)
    view.setUint32(USED_AT + 4 + 8 * slot, slot, true)
    view.setUint32(USED_AT + 8 + 8 * slot, 60 + round, true)
    view.setUint16(USED_AT + 2, round + 1, true)
    expect([queue.outstanding, queue.written]).toEqual([false, 60 + round])
  }
})
