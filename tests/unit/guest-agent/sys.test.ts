import { setTimeout } from 'node:timers/promises'
import { beforeAll, expect, test } from 'vitest'
import { hasCapability, withoutCapability } from '../../../guest-agent/sys/capability.ts'
import { EventFd } from '../../../guest-agent/sys/eventfd.ts'
import { Fd, openFds } from '../../../guest-agent/sys/fd.ts'
import { ioctl, ioctlByNumber } from '../../../guest-agent/sys/ioctl.ts'
import { loadLibc } from '../../../guest-agent/sys/libc.ts'
import { memfd } from '../../../guest-agent/sys/memfd.ts'
import { Memory, PAGE_SIZE, Registers } from '../../../guest-agent/sys/memory.ts'
import { readText, writeText } from '../../../guest-agent/sys/text-file.ts'
import { iommufdStructs } from '../../../guest-agent/uapi/iommufd.ts'

beforeAll(loadLibc)

test('a refused open has the name of the error and the path', () => {
  expect(() => Fd.open('/no/such')).toThrow('open(/no/such): ENOENT')
  expect(() => { writeText('/proc/no-such-file', '1') }).toThrow("write(/proc/no-such-file, '1'): ENOENT")
  expect(readText('/no/such')).toBeUndefined()
})

test('an ioctl that the file does not know is ENOTTY, with the fields that were given', () => {
  using fd = Fd.open('/dev/null')
  expect(() => ioctl(fd, 'IOMMU_IOAS_MAP', iommufdStructs.ioasMap.make({ ioas_id: 1, length: 0n })))
    .toThrow('IOMMU_IOAS_MAP(ioas_id 1, length 0x0): ENOTTY')
  expect(() => ioctlByNumber(fd, 0x3bff)).toThrow('ioctl 0x3bff(): ENOTTY')
})

test('a descriptor is closed once and then forgotten', () => {
  const fd = Fd.open('/dev/null')
  expect(openFds()).toContain(fd)
  fd.close()
  fd.close()
  expect(openFds()).not.toContain(fd)
  expect(() => ioctl(fd, 'IOMMU_DESTROY')).toThrow('/dev/null is used after it was closed')
})

test('two mappings of one file are the same memory', () => {
  using file = memfd(PAGE_SIZE)
  using one = Memory.ofFile(file, PAGE_SIZE)
  using two = Registers.ofRegion(file, 0n, PAGE_SIZE, 'two')
  one.words[3] = 0xdead_beef
  expect(two.read32(12)).toBe(0xdead_beef)
  two.write8(12, 1)
  expect(one.bytes[12]).toBe(1)
})

test('memory that was unmapped throws and does not kill the process', () => {
  const memory = Memory.pages(PAGE_SIZE)
  const { words } = memory
  words[0] = 7
  memory.unmap()
  expect(words[0]).toBeUndefined()
  expect(words.byteLength).toBe(0)
})

test('a sealed memfd refuses to be written to', () => {
  using file = memfd(PAGE_SIZE, { sealed: true })
  expect(() => Memory.ofFile(file, PAGE_SIZE)).toThrow('EPERM')
})

test('an eventfd counts, and is waited for', async () => {
  using event = new EventFd()
  expect(event.read()).toBe(0)
  event.write(3)
  event.write(2)
  expect(event.read()).toBe(5)
  const [count] = await Promise.all([event.wait(5000), setTimeout(20).then(() => { event.write() })])
  expect(count).toBe(1)
  expect(await event.wait(5)).toBe(0)
})

test('a capability is away while the function runs and back after it threw', ({ skip }) => {
  skip(!hasCapability('CAP_SYS_ADMIN'), 'this user does not hold CAP_SYS_ADMIN')
  expect(() => withoutCapability('CAP_SYS_ADMIN', () => {
    expect(hasCapability('CAP_SYS_ADMIN')).toBe(false)
    throw new Error('out')
  })).toThrow('out')
  expect(hasCapability('CAP_SYS_ADMIN')).toBe(true)
})
