import { afterEach, expect, test } from 'vitest'
import { cacheDir } from '../../../orchestrator/host/cache.ts'

const before = process.env['VFIO_LAB_CACHE']
afterEach(() => {
  if (before === undefined) delete process.env['VFIO_LAB_CACHE']
  else process.env['VFIO_LAB_CACHE'] = before
})

test('VFIO_LAB_CACHE moves it, and is made absolute', () => {
  process.env['VFIO_LAB_CACHE'] = '/somewhere/else'
  expect(cacheDir('kernels', 'abc')).toBe('/somewhere/else/kernels/abc')
  process.env['VFIO_LAB_CACHE'] = 'here'
  expect(cacheDir()).toBe(`${process.cwd()}/here`)
})

test('by default it is the user\'s own cache folder', () => {
  process.env['VFIO_LAB_CACHE'] = ''
  expect(cacheDir('toolbox')).toMatch(/\/vfio-lab\/toolbox$/)
})
