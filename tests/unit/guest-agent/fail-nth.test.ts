import { beforeAll, expect, test } from 'vitest'
import { FailNth } from '../../../guest-agent/sys/fail-nth.ts'
import { Fd, openFds } from '../../../guest-agent/sys/fd.ts'
import { checked, loadLibc } from '../../../guest-agent/sys/libc.ts'
import { memfd } from '../../../guest-agent/sys/memfd.ts'

beforeAll(loadLibc)

// The file of a kernel that counts nothing: what is written stays, so only a call that writes 0 itself looks as if it had been refused memory.
const file = () => memfd(0)
const writeZero = (fd: Fd): number => checked('write(0)', (c) => c.write(fd.number, new TextEncoder().encode('0'), 1))

test('a call is made once, between the order to fail and the look at what became of it', () => {
  using fd = file()
  using failNth = new FailNth(fd)
  const untouched = failNth.attempt(7, () => Fd.open('/dev/null'))
  expect(untouched.refusedMemory).toBe(false)
  if ('result' in untouched) untouched.result.close()
  expect(failNth.attempt(7, () => writeZero(fd))).toEqual({ refusedMemory: true, result: 1 })
})

test('the errno is that of the call, and libc is its own again afterwards', () => {
  using fd = file()
  using failNth = new FailNth(fd)
  const attempt = failNth.attempt(1, () => Fd.open('/no/such'))
  expect('errno' in attempt && attempt.errno.code).toBe('ENOENT')
  const before = openFds().length
  using _ = Fd.open('/dev/null')
  expect(openFds().length).toBe(before + 1)
})

test('no call at all, or two of them, tests nothing that could be told', () => {
  using fd = file()
  using failNth = new FailNth(fd)
  expect(() => failNth.attempt(1, () => undefined)).toThrow('0 calls were made')
  expect(() => failNth.attempt(1, () => {
    Fd.open('/dev/null').close()
  })).toThrow('2 calls were made')
})

test('what is no refusal of the kernel is thrown on', () => {
  using fd = file()
  using failNth = new FailNth(fd)
  expect(() => failNth.attempt(1, () => { throw new RangeError('mine') })).toThrow('mine')
})
