import { describe, expect, test } from 'vitest'
import { selectCases } from '../../../orchestrator/plan/select-cases.ts'
import { aCase } from './made-up-lab.ts'

const catalogue = ['cdev/bind', 'cdev/attach-twice', 'ioas/map', 'ioas/unmap', 'noiommu-pa/EPERM-without-rawio'].map((id) => aCase(id))
const ids = (suites: readonly string[], filter: Parameters<typeof selectCases>[2] = {}) => selectCases(catalogue, suites, filter).map(({ id }) => id)

describe('cases are chosen', () => {
  test.each([
    [['native'], {}, catalogue.map(({ id }) => id)],
    [['ioas'], {}, ['ioas/map', 'ioas/unmap']],
    [['native'], { suite: '*o*' }, ['ioas/map', 'ioas/unmap', 'noiommu-pa/EPERM-without-rawio']],
    [['native'], { suite: 'native', case: 'attach' }, ['cdev/attach-twice']],
    [['native'], { case: 'eperm' }, ['noiommu-pa/EPERM-without-rawio']],
    [['ioas', 'cdev'], { case: 'map' }, ['ioas/map', 'ioas/unmap']],
  ])('by the config\'s suites %j and %j', (suites, filter, chosen) => {
    expect(ids(suites, filter)).toEqual(chosen)
  })

  test.each([
    [['native'], { suite: 'iaos' }, 'UNKNOWN_SUITE', 'no suite matches iaos (--suite); did you mean ioas?'],
    [['naitve'], {}, 'UNKNOWN_SUITE', 'no suite matches naitve (the config); did you mean native?'],
    [['native'], { case: 'cdev/bnid' }, 'NO_CASES', 'no case has cdev/bnid in its id; did you mean cdev/bind?'],
    [['cdev'], { suite: 'ioas' }, 'NO_CASES', 'no case is left: the config\'s suites are cdev, --suite is ioas'],
  ])('%j with %j is the user\'s mistake', (suites, filter, code, message) => {
    expect(() => ids(suites, filter)).toThrow(expect.objectContaining({ kind: 'yours', code, message }))
  })
})
