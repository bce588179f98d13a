import { expect, test } from 'vitest'
import { kernelTimeScale, timeScale } from '../../../orchestrator/run/time-scale.ts'

test('a kernel that checks nothing has no factor of its own; emulation has one', () => {
  expect(kernelTimeScale({ KASAN_GENERIC: 'y' })).toBe(1)
  expect([timeScale('kvm', {}), timeScale('tcg', {}) > 1]).toEqual([1, true])
})

test('what a kernel checks takes its time under either accelerator, and each check its own', () => {
  const [kasan, both] = [{ KASAN: 'y' }, { KASAN: 'y', PROVE_LOCKING: 'y' }]
  expect(timeScale('kvm', kasan)).toBeGreaterThan(1)
  expect(timeScale('kvm', both)).toBeGreaterThan(timeScale('kvm', kasan))
  expect(timeScale('tcg', both) / timeScale('tcg', {})).toBe(kernelTimeScale(both))
})
