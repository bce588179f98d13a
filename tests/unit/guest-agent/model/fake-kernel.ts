import type { Call } from '../../../../guest-agent/model/calls.ts'
import type { Answer, Expectation } from '../../../../guest-agent/model/expectation.ts'
import { IommufdModel, type ModelFacts } from '../../../../guest-agent/model/iommufd-model.ts'
import type { Kernel } from '../../../../guest-agent/model/kernel.ts'

/** What is done instead of a call; undefined: nothing, and that is said to be right. */
export type Bend = (call: Call, model: IommufdModel) => Call | undefined

/** A kernel that is a model of its own, with a bug. */
export const fakeKernel = (facts: ModelFacts, bend: Bend = (call) => call): Kernel => {
  const model = new IommufdModel(facts)
  return {
    call: (call) => {
      const bent = bend(call, model)
      return bent === undefined ? { value: 0n } : answer(model.step(bent))
    },
  }
}

const answer = (expected: Expectation): Answer => {
  if ('refused' in expected) return { errno: expected.refused }
  if ('returns' in expected) return { value: expected.returns }
  const value = choices().find((each) => expected.accepts(each)) ?? 0n
  expected.record(value)
  return { value }
}

/** Small ids, and pages. */
function* choices(): Generator<bigint> {
  for (let id = 1n; id < 64n; id += 1n) yield id
  for (let page = 1n; page < 4096n; page += 1n) yield page * 4096n
}
