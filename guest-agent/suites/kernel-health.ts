import { setTimeout } from 'node:timers/promises'
import { defineCase, suite } from '../case/define-case.ts'
import { equal } from '../case/expect.ts'
import type { EarlierCase } from '../case/case-context.ts'
import { KMEMLEAK_MIN_AGE_MS, type LeakedObject, leakedObjects } from '../sys/kmemleak.ts'

/** One line for all objects that were lost at the same place. */
const told = (leaks: readonly LeakedObject[], earlier: readonly EarlierCase[]): string =>
  [...Map.groupBy(leaks, ({ trace }) => trace.join(' < '))].map(([trace, all]) => {
    const cases = new Set(all.map(({ atMs }) => earlier.find(({ fromMs, toMs }) => fromMs <= atMs && atMs <= toMs)?.id ?? 'no case'))
    const bytes = new Set(all.map((leak) => leak.bytes))
    return `${all.length} of ${[...bytes].join(', ')} bytes, allocated for ${all[0]?.process ?? ''} while ${[...cases].join(', ')} ran, in ${trace}`
  }).join('; ')

const memoryLeaks = defineCase({
  name: 'memory-leaks',
  title: 'all that the kernel allocated since it booted and has not freed is still within its reach (kmemleak)',
  needs: { config: ['DEBUG_KMEMLEAK'] },
  covers: { ioctls: [], sources: ['drivers/vfio/vfio_main.c', 'drivers/iommu/iommufd/main.c'] },
  timeoutMs: 60_000,
  // The kernel says only how many: the case says which.
  provokes: ['kmemleak: \\d+ new suspected memory leaks'],
  run: async (lab) => {
    await setTimeout(KMEMLEAK_MIN_AGE_MS, undefined, { signal: lab.signal })
    const started = performance.now()
    const leaks = leakedObjects(Number(lab.facts.config['HZ']))
    lab.measure('scanMs', Math.round(performance.now() - started))
    equal(told(leaks, lab.earlier), '', 'objects that nothing in the kernel points to')
  },
})

/** Last of all suites: it says what the cases before it did to the kernel. */
export const kernelHealth = suite('kernel-health', [memoryLeaks])
