import fs from 'node:fs'
import fc from 'fast-check'
import { afterAll, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest'
import { EventFd } from '../../../../../guest-agent/sys/eventfd.ts'
import { Fd } from '../../../../../guest-agent/sys/fd.ts'
import { loadLibc } from '../../../../../guest-agent/sys/libc.ts'
import { Memory } from '../../../../../guest-agent/sys/memory.ts'
import { VFIO } from '../../../../../guest-agent/uapi/vfio.ts'
import { defineDevice, msix, pcie, register32, register64, sharedMemory, type Bus, type DmaOutcome } from '../../../../../images/devices/vfio-user/device.ts'
import { connectTo, send } from '../../../../../images/devices/vfio-user/socket/unix-socket.ts'
import { COMMAND, encodeMessage } from '../../../../../images/devices/vfio-user/wire/message.ts'
import { payloads } from '../../../../../images/devices/vfio-user/wire/payloads.ts'
import { Client, CONFIG, EINVAL, reported, served, type ServedDevice } from './test-client.ts'

const {
  VFIO_IRQ_SET_DATA_NONE: NONE, VFIO_IRQ_SET_DATA_BOOL: BOOL, VFIO_IRQ_SET_DATA_EVENTFD: EVENTFD,
  VFIO_IRQ_SET_ACTION_MASK: MASK, VFIO_IRQ_SET_ACTION_UNMASK: UNMASK, VFIO_IRQ_SET_ACTION_TRIGGER: TRIGGER,
} = VFIO
const INTX = 0
const MSIX = 2

/** What the device's callbacks saw. */
interface Seen {
  word: number
  wide: bigint
  resets: string[]
  outcomes: DmaOutcome[]
}

let seen: Seen
const device = async () => {
  const shared = await sharedMemory(0x4000)
  return defineDevice({
    ids: { vendor: 0x1234, device: 0x11ff },
    capabilities: [pcie(), msix({ vectors: 3, bar: 4 })],
    intx: true,
    bars: [
      {
        size: 0x1000,
        registers: [
          register32(0x00, { read: () => seen.word, write: (value) => { seen.word = value } }),
          register64(0x08, { read: () => seen.wide, write: (value) => { seen.wide = value } }),
          register32(0x10, { write: async (length, { dma }) => { seen.outcomes.push(await dma.write(seen.wide, new Uint8Array(length).fill(0xa5))) } }),
          register32(0x14, { read: (bus) => Number(bus.irq.raise(1)) }),
          register32(0x18, { read: () => { throw new Error('out of order') }, write: () => Promise.reject(new Error('late')) }),
        ],
      },
      { index: 2, size: 0x4000, memory: shared, mmap: [{ offset: 0x1000, size: 0x1000 }, { offset: 0x3000, size: 0x1000 }] },
    ],
    onReset: (by) => { seen.resets.push(by) },
    onConnect: (given) => { bus = given },
  })
}

let server: ServedDevice
let client: Client
let bus: Bus
beforeAll(async () => {
  await loadLibc()
  server = await served(await device())
  client = await server.client()
})
beforeEach(() => { seen = { word: 0x1122_3344, wide: 0x1111_2222_3333_4444n, resets: [], outcomes: [] } })
afterAll(async () => { await server[Symbol.asyncDispose]() })

/** Ends the connection and makes a new one. */
const reconnect = async (): Promise<void> => {
  client.close()
  await client.end
  client = await server.client()
}

/** How many descriptors this process has for the same eventfd; more than one when somebody keeps a copy that came over the socket. */
const copies = ({ fd }: EventFd): number => {
  const id = /eventfd-id:.*/.exec(fs.readFileSync(`/proc/self/fdinfo/${fd.number}`, 'utf8'))?.[0]
  if (id === undefined) throw new Error('the kernel does not tell eventfds apart')
  return fs.readdirSync('/proc/self/fdinfo').filter((name) => infoOf(name).includes(`${id}\n`)).length
}
const infoOf = (fd: string): string => {
  try {
    return fs.readFileSync(`/proc/self/fdinfo/${fd}`, 'utf8')
  } catch {
    return ''
  }
}

describe('regions', () => {
  test('are nine, of which config space and the BARs that there are have a size', async () => {
    const info = payloads.deviceInfo.at((await client.request(COMMAND.DEVICE_GET_INFO, [payloads.deviceInfo.make().bytes])).payload)
    expect([info.get('flags'), info.get('num_regions'), info.get('num_irqs')]).toEqual([3, 9, 5])
    const sizes = []
    for (let index = 0; index < 9; index += 1) {
      sizes.push(payloads.regionInfo.at((await client.request(COMMAND.DEVICE_GET_REGION_INFO, [payloads.regionInfo.make({ index }).bytes])).payload).get('size'))
    }
    expect(sizes).toEqual([0x1000n, 0n, 0x4000n, 0n, 0x1000n, 0n, 0n, 4096n, 0n])
  })

  test('tell which of their pages can be mapped to whoever has room for it, and give the file', async () => {
    const ask = (argsz: number) => client.request(COMMAND.DEVICE_GET_REGION_INFO, [payloads.regionInfo.make({ argsz, index: 2 }).bytes])
    const short = await ask(32)
    expect([short.payload.byteLength, short.fds.length]).toEqual([32, 0])
    const whole = await ask(payloads.regionInfo.at(short.payload).get('argsz'))
    const info = payloads.regionInfo.at(whole.payload)
    expect([info.get('flags'), info.get('cap_offset')]).toEqual([15, 32])
    expect([...new BigUint64Array(info.tail.slice(8).buffer)]).toEqual([2n, 0x1000n, 0x1000n, 0x3000n, 0x1000n])
    const [number] = whole.fds
    if (number === undefined) throw new Error('no descriptor came')
    using file = new Fd(number, 'the BAR')
    using mapped = Memory.ofFile(file, 0x4000)
    mapped.words[0x1000 / 4] = 0xfeed_beef
    expect(await client.read32(2, 0x1000)).toBe(0xfeed_beef)
    await client.write32(2, 0x3004, 7)
    expect(mapped.words[0x3004 / 4]).toBe(7)
  })

  test('give registers in any width and at any place, and keep the bytes that were not written', async () => {
    expect(await client.read32(0, 0)).toBe(0x1122_3344)
    expect(await client.read(0, 1, 2)).toEqual(Uint8Array.of(0x33, 0x22))
    await client.write(0, 1, Uint8Array.of(0xaa))
    expect(seen.word).toBe(0x1122_aa44)
    await client.write32(0, 0x0c, 0x5555_6666)
    expect(seen.wide).toBe(0x5555_6666_3333_4444n)
    expect(await client.read(0, 0, 16)).toEqual(Uint8Array.of(0x44, 0xaa, 0x22, 0x11, 0, 0, 0, 0, 0x44, 0x44, 0x33, 0x33, 0x66, 0x66, 0x55, 0x55))
  })

  test('take several writes in one message, and writes that nobody waits for', async () => {
    const one = (offset: number, data: bigint, count: number) => payloads.oneWrite.make({ offset: BigInt(offset), region: 0, count, data }).bytes
    const reply = await client.request(COMMAND.REGION_WRITE_MULTI, [payloads.writeMulti.make({ count: 2n }).bytes, one(0, 0x99n, 4), one(8, 0x77n, 8)])
    expect([reply.errno, seen.word, seen.wide]).toEqual([undefined, 0x99, 0x77n])
    client.post(COMMAND.REGION_WRITE, payloads.regionAccess.make({ offset: 0n, region: 0, count: 4 }).bytes, Uint8Array.of(1, 0, 0, 0))
    client.post(COMMAND.REGION_WRITE, payloads.regionAccess.make({ offset: 0n, region: 99, count: 4 }).bytes, Uint8Array.of(2, 0, 0, 0))
    expect(await client.read32(0, 0)).toBe(1)
  })

  test('of a device whose callbacks throw read as 0, and it is reported', async () => {
    expect(await client.read32(0, 0x18)).toBe(0)
    await client.write32(0, 0x18, 1)
    await reported(server, { event: 'device-error', because: 'out of order' })
    await reported(server, { event: 'device-error', because: 'late' })
    expect(await client.read32(0, 0)).toBe(seen.word)
  })
})

describe('DMA', () => {
  test('goes where the client has memory, and is refused with the client\'s error elsewhere', async () => {
    const page = new Uint8Array(4096)
    client.memory.push({ start: 0x10_0000n, bytes: page, writeable: true }, { start: 0x20_0000n, bytes: new Uint8Array(64), writeable: false })
    seen.wide = 0x10_0010n
    await client.write32(0, 0x10, 32)
    seen.wide = 0x20_0000n
    await client.write32(0, 0x10, 32)
    await vi.waitFor(() => { expect(seen.outcomes).toHaveLength(2) })
    expect(seen.outcomes).toEqual([{ done: true }, { done: false, sent: true, errno: 19, code: 'ENODEV' }])
    expect(page.slice(0, 64)).toEqual(Uint8Array.from({ length: 64 }, (_, at) => (at >= 16 && at < 48 ? 0xa5 : 0)))
    expect(await bus.dma.read(0x10_0010n, 4)).toEqual({ done: true, bytes: Uint8Array.of(0xa5, 0xa5, 0xa5, 0xa5) })
    expect(server.reports.filter(({ event }) => event === 'dma')).toEqual([
      { event: 'dma', number: 1, direction: 'write', address: '0x100010', length: 32, outcome: 'done' },
      { event: 'dma', number: 2, direction: 'write', address: '0x200000', length: 32, outcome: 'refused', errno: 19, code: 'ENODEV' },
      { event: 'dma', number: 3, direction: 'read', address: '0x100010', length: 4, outcome: 'done' },
    ])
  })

  test('of more than the limit, of nothing, of too many at once and without a client is not sent', async () => {
    const { dma } = bus
    expect(await dma.read(0n, dma.limit + 1)).toMatchObject({ done: false, sent: false, code: 'E2BIG' })
    expect(await dma.read(0n, 0)).toMatchObject({ code: 'EINVAL' })
    const many = await Promise.all(Array.from({ length: 300 }, () => dma.read(0n, 4)))
    expect(Object.groupBy(many, (outcome) => (outcome.done ? 'done' : outcome.code))).toMatchObject({ ENODEV: { length: 256 }, EBUSY: { length: 44 } })
    client.close()
    await vi.waitFor(async () => { expect(await dma.read(0n, 4)).toMatchObject({ sent: false, code: 'ENOTCONN' }) })
    client = await server.client()
  })

  test('under way when the client goes has an outcome', async () => {
    const reading = bus.dma.read(0n, 4)
    await reconnect()
    expect(await reading).toMatchObject({ done: false, sent: true, code: 'ECONNRESET' })
  })

  test.each([
    ['to a request that was not made', COMMAND.DMA_READ, 1, []],
    ['of another command', COMMAND.DMA_WRITE, 0, []],
    ['that is too short', COMMAND.DMA_READ, 0, [payloads.dmaAccess.make({ address: 64n, count: 4n }).bytes]],
    ['of another address', COMMAND.DMA_READ, 0, [payloads.dmaAccess.make({ address: 65n, count: 4n }).bytes, new Uint8Array(4)]],
    ['of another length', COMMAND.DMA_READ, 0, [payloads.dmaAccess.make({ address: 64n, count: 5n }).bytes, new Uint8Array(4)]],
  ])('a reply %s ends the connection', async (_, command, other, payload) => {
    vi.spyOn(client, 'message').mockImplementationOnce(({ id }) => { client.raw(encodeMessage({ id: id + other, command, reply: true }, ...payload)) })
    expect(await bus.dma.read(64n, 4)).toMatchObject({ done: false, code: 'ECONNRESET' })
    await client.end
    client = await server.client()
    expect(await client.read32(0, 0)).toBe(seen.word)
  })
})

describe('interrupts', () => {
  test('are told by the eventfds that the client sent, the last one that it sent', async () => {
    using first = new EventFd()
    using second = new EventFd()
    expect(await client.setIrqs(EVENTFD | TRIGGER, MSIX, 0, 2, [first.fd.number, second.fd.number])).toBeUndefined()
    expect(await client.read32(0, 0x14)).toBe(1)
    expect([first.read(), second.read()]).toEqual([0, 1])
    expect(await client.setIrqs(EVENTFD | TRIGGER, MSIX, 1, 1, [first.fd.number])).toBeUndefined()
    await client.read32(0, 0x14)
    expect([first.read(), second.read()]).toEqual([1, 0])
    expect(await client.setIrqs(EVENTFD | TRIGGER, MSIX, 1, 1)).toBeUndefined()
    expect(await client.read32(0, 0x14)).toBe(0)
    expect(await client.setIrqs(NONE | TRIGGER, MSIX, 0, 0)).toBeUndefined()
    expect([first.read(), second.read()]).toEqual([0, 0])
  })

  test('of INTx mask themselves, come again when they are unmasked, and wait while INTx is disabled', async () => {
    using event = new EventFd()
    const pending = async () => ((await client.read32(CONFIG, 4)) >>> 16 & 8) !== 0
    await client.setIrqs(EVENTFD | TRIGGER, INTX, 0, 1, [event.fd.number])
    expect(await pending()).toBe(false)
    expect(await client.read32(0, 0x14)).toBe(1)
    expect([event.read(), await pending()]).toEqual([1, true])
    expect(await client.read32(0, 0x14)).toBe(0)
    expect(event.read()).toBe(0)
    await client.setIrqs(NONE | UNMASK, INTX, 0, 1)
    expect(event.read()).toBe(1)
    await client.write(CONFIG, 4, Uint8Array.of(0, 4))
    await client.setIrqs(BOOL | UNMASK, INTX, 0, 1, [], Uint8Array.of(1))
    expect([event.read(), await pending()]).toEqual([0, true])
    await client.write(CONFIG, 4, Uint8Array.of(0, 0))
    expect(event.read()).toBe(1)
    bus.irq.lower()
    await client.setIrqs(NONE | UNMASK, INTX, 0, 1)
    expect([event.read(), await pending()]).toEqual([0, false])
    await client.setIrqs(NONE | MASK, INTX, 0, 1)
    await client.read32(0, 0x14)
    expect(event.read()).toBe(0)
  })

  test('that do not exist, do not fit or go to something else are refused, and no descriptor is kept', async () => {
    using event = new EventFd()
    using other = Fd.open('/dev/null')
    const { number } = event.fd
    const refused = [
      await client.setIrqs(EVENTFD | TRIGGER, MSIX, 2, 2, [number, number]),
      await client.setIrqs(EVENTFD | TRIGGER, MSIX, 0xffff_ffff, 1, [number]),
      await client.setIrqs(EVENTFD | TRIGGER, MSIX, 0, 2, [number]),
      await client.setIrqs(EVENTFD | TRIGGER, MSIX, 0, 1, [other.number]),
      await client.setIrqs(EVENTFD | TRIGGER, 1, 0, 1, [number]),
      await client.setIrqs(EVENTFD | TRIGGER, 7, 0, 0, [number]),
      await client.setIrqs(EVENTFD | BOOL | TRIGGER, MSIX, 0, 1, [number]),
      await client.setIrqs(EVENTFD | TRIGGER | MASK, MSIX, 0, 1, [number]),
      await client.setIrqs(0x1000 | EVENTFD | TRIGGER, MSIX, 0, 1, [number]),
      await client.setIrqs(NONE | TRIGGER, MSIX, 0, 1, [number]),
      await client.setIrqs(BOOL | TRIGGER, MSIX, 0, 2, [], Uint8Array.of(1)),
      await client.setIrqs(NONE | MASK, MSIX, 0, 1),
      await client.setIrqs(NONE | MASK, INTX, 0, 0),
    ]
    expect(refused).toEqual(refused.map(() => EINVAL))
    expect(await client.setIrqs(EVENTFD | UNMASK, INTX, 0, 1, [number])).toBe(95)
    expect(copies(event)).toBe(1)
    expect(event.read()).toBe(0)
  })

  test('of a client that is gone are forgotten, and its descriptors closed', async () => {
    using event = new EventFd()
    await client.setIrqs(EVENTFD | TRIGGER, MSIX, 0, 3, [event.fd.number, event.fd.number, event.fd.number])
    expect(copies(event)).toBe(4)
    await reconnect()
    expect(bus.irq.raise(0)).toBe(false)
    expect(await client.read32(0, 0)).toBe(seen.word)
    expect(copies(event)).toBe(1)
  })
})

describe('a reset', () => {
  test('by the client or by FLR takes config space back and tells the device', async () => {
    await client.write(CONFIG, 4, Uint8Array.of(6, 4))
    await client.write32(CONFIG, 0x10, 0xfe00_0000)
    expect((await client.request(COMMAND.DEVICE_RESET)).errno).toBeUndefined()
    expect([await client.read32(CONFIG, 4) & 0xffff, await client.read32(CONFIG, 0x10)]).toEqual([0, 0])
    await client.write(CONFIG, 4, Uint8Array.of(6, 4))
    const control = 0x40 + 8
    await client.write(CONFIG, control, Uint8Array.of(0x10, 0xa8))
    expect(await client.read32(CONFIG, control)).toBe(0x2810)
    expect(await client.read32(CONFIG, 4) & 0xffff).toBe(0)
    expect(seen.resets).toEqual(['client', 'flr'])
  })
})

describe('a message', () => {
  const access = (offset: bigint, region: number, count: number) => payloads.regionAccess.make({ offset, region, count }).bytes
  test.each([
    ['GET_INFO of another length', COMMAND.DEVICE_GET_INFO, [new Uint8Array(15)]],
    ['GET_INFO without room for the answer', COMMAND.DEVICE_GET_INFO, [payloads.deviceInfo.make({ argsz: 15 }).bytes]],
    ['GET_REGION_INFO of region 9', COMMAND.DEVICE_GET_REGION_INFO, [payloads.regionInfo.make({ index: 9 }).bytes]],
    ['GET_IRQ_INFO of index 5', COMMAND.DEVICE_GET_IRQ_INFO, [payloads.irqInfo.make({ index: 5 }).bytes]],
    ['SET_IRQS that is cut off', COMMAND.DEVICE_SET_IRQS, [new Uint8Array(19)]],
    ['a read behind the end', COMMAND.REGION_READ, [access(0xffdn, 0, 4)]],
    ['a read at the end of all numbers', COMMAND.REGION_READ, [access(0xffff_ffff_ffff_fffen, 0, 4)]],
    ['a read of nothing', COMMAND.REGION_READ, [access(0n, 0, 0)]],
    ['a read of a region that is not there', COMMAND.REGION_READ, [access(0n, 1, 4)]],
    ['a read of 4 GiB', COMMAND.REGION_READ, [access(0n, 0, 0xffff_ffff)]],
    ['a write that brings less than it says', COMMAND.REGION_WRITE, [access(0n, 0, 4), new Uint8Array(3)]],
    ['several writes of which one is missing', COMMAND.REGION_WRITE_MULTI, [payloads.writeMulti.make({ count: 2n }).bytes, payloads.oneWrite.make().bytes]],
    ['several writes, 2^64 - 1 of them', COMMAND.REGION_WRITE_MULTI, [payloads.writeMulti.make({ count: 0xffff_ffff_ffff_ffffn }).bytes]],
    ['a second VERSION', COMMAND.VERSION, [payloads.version.make().bytes]],
    ['DMA_MAP of another length', COMMAND.DMA_MAP, [new Uint8Array(31)]],
  ])('%s is EINVAL, and the next one is answered', async (_, command, payload) => {
    expect((await client.request(command, payload)).errno).toBe(EINVAL)
    expect(await client.read32(0, 0)).toBe(0x1122_3344)
  })

  test.each([6, 14, 16, 17, 18, 4711])('of the command %i is EOPNOTSUPP', async (command) => {
    expect((await client.request(command)).errno).toBe(95)
  })

  test('that maps or unmaps memory is answered, and its descriptor closed', async () => {
    using event = new EventFd()
    expect((await client.request(COMMAND.DMA_MAP, [payloads.dmaMap.make({ flags: 3, length: 4096n }).bytes], [event.fd.number])).errno).toBeUndefined()
    const unmap = payloads.dmaUnmap.make({ length: 4096n }).bytes
    expect((await client.request(COMMAND.DMA_UNMAP, [unmap])).payload).toEqual(unmap)
    expect(copies(event)).toBe(1)
  })

  test('before VERSION ends the connection; the next client is served', async () => {
    client.close()
    const early = new Client(server.path)
    await expect(early.request(COMMAND.DEVICE_RESET)).rejects.toThrow()
    expect(seen.resets).toEqual([])
    client = await server.client()
    expect(await client.read32(0, 0)).toBe(0x1122_3344)
  })

  test('of garbage is refused or ends the connection, and the server goes on', async () => {
    const version = encodeMessage({ id: 1, command: COMMAND.VERSION }, payloads.version.make().bytes)
    const message = fc.oneof(
      fc.tuple(fc.nat(20), fc.uint8Array({ maxLength: 64 })).map(([command, payload]) => encodeMessage({ id: 1, command }, payload)),
      fc.uint8Array({ minLength: 1, maxLength: 64 }),
    )
    const ends = () => server.reports.filter(({ event }) => event === 'disconnected').length
    let wanted = ends() + 1
    client.close()
    await fc.assert(fc.asyncProperty(fc.boolean(), fc.array(message, { minLength: 1, maxLength: 10 }), async (agrees, messages) => {
      await vi.waitFor(() => { expect(ends()).toBe(wanted) }, { interval: 1 })
      const fd = connectTo(server.path)
      wanted += 1
      try {
        if (agrees) send(fd, version)
        for (const bytes of messages) send(fd, bytes)
      } catch (error) {
        expect(error).toMatchObject({ code: 'EPIPE' })
      } finally {
        fs.closeSync(fd)
      }
    }), { numRuns: 100 })
    client = await server.client()
    expect(await client.read32(0, 0)).toBe(seen.word)
  })
})
