import { crc32 } from 'node:zlib'
import { afterEach, describe, expect, test, vi } from 'vitest'
import {
  BUFFER_OFFSET, COMMAND_READ, COMMAND_WRITE, COMMAND_WRITE_BUFFER, LARGE_BAR, pattern, RAISE_ENABLED, RAISE_KIND_SHIFT, RAISE_MSIX, REGISTER,
  STATUS_DONE, STATUS_IDLE, STATUS_NOT_SENT, STATUS_REFUSED,
} from '../../../../guest-agent/devices/vfio-user-dma-registers.ts'
import { EventFd } from '../../../../guest-agent/sys/eventfd.ts'
import { VFIO } from '../../../../guest-agent/uapi/vfio.ts'
import makeDevice from '../../../../images/devices/vfio-user-dma/device.ts'
import { BREAKAGES } from '../../../../images/devices/vfio-user-dma/options.ts'
import { RunningDevice } from '../../../../images/devices/vfio-user/device/running-device.ts'
import { COMMAND } from '../../../../images/devices/vfio-user/wire/message.ts'
import { type Client, CONFIG, reported, served, type ServedDevice } from './vfio-user/test-client.ts'

const BAR = 0
const ADDRESS = 0x10_0000n
const memory = new Uint8Array(8192)
let server: ServedDevice | undefined

const open = async (options: unknown = {}): Promise<Client> => {
  server = await served(await makeDevice(options))
  const client = await server.client()
  client.memory.push({ start: ADDRESS, bytes: memory.fill(0), writeable: true })
  return client
}
afterEach(async () => { await server?.[Symbol.asyncDispose]() })

const dma = async (client: Client, command: number, address: bigint, length: number): Promise<number> => {
  await client.write(BAR, REGISTER.ADDRESS, new Uint8Array(new BigUint64Array([address]).buffer))
  await client.write32(BAR, REGISTER.LENGTH, length)
  await client.write32(BAR, REGISTER.COMMAND, command)
  return vi.waitFor(async () => {
    const status = await client.read32(BAR, REGISTER.STATUS)
    expect(status).toBeGreaterThan(1)
    return status
  }, { interval: 1 })
}

describe('the programmable DMA device', () => {
  test('writes its pattern, reads memory into its buffer with a checksum, writes the buffer elsewhere, and counts', async () => {
    const client = await open()
    await client.write32(BAR, REGISTER.SEED, 7)
    expect(await dma(client, COMMAND_WRITE, ADDRESS + 16n, 100)).toBe(STATUS_DONE)
    expect(memory.slice(16, 116)).toEqual(pattern(7, 100))
    expect(await dma(client, COMMAND_READ, ADDRESS, 4096)).toBe(STATUS_DONE)
    expect(await client.read(BAR, BUFFER_OFFSET, 4096)).toEqual(memory.slice(0, 4096))
    expect(await client.read32(BAR, REGISTER.CHECKSUM)).toBe(crc32(memory.slice(0, 4096)))
    expect(await dma(client, COMMAND_WRITE_BUFFER, ADDRESS + 4096n, 4096)).toBe(STATUS_DONE)
    expect(memory.slice(4096)).toEqual(memory.slice(0, 4096))
    expect(await dma(client, COMMAND_WRITE, 0n, 64)).toBe(STATUS_REFUSED)
    expect(await client.read32(BAR, REGISTER.ERRNO)).toBe(19)
    expect(await dma(client, COMMAND_READ, ADDRESS, 2 ** 20 + 1)).toBe(STATUS_NOT_SENT)
    expect(await client.read32(BAR, REGISTER.ERRNO)).toBe(7)
    expect(await Promise.all([REGISTER.DONE, REGISTER.REFUSED, REGISTER.NOT_SENT].map((register) => client.read32(BAR, register)))).toEqual([3, 1, 1])
  })

  test.each([
    ['refuses', { addressBits: 20 }, STATUS_NOT_SENT],
    ['cuts off', { addressBits: 21, beyond: 'cut' }, STATUS_DONE],
  ])('that drives few address bits %s what lies beyond them', async (_, options, status) => {
    const client = await open(options)
    expect(await client.read32(BAR, REGISTER.FEATURES)).toBe(options.addressBits | ('beyond' in options ? 0x100 : 0))
    expect(await dma(client, COMMAND_WRITE, 0x8000_0000_0000_0000n + ADDRESS, 64)).toBe(status)
    expect(memory.some((byte) => byte !== 0)).toBe(status === STATUS_DONE)
  })

  test('of 64 address bits does not go round their end', async () => {
    const client = await open()
    expect(await dma(client, COMMAND_WRITE, 0xffff_ffff_ffff_ffffn, 2)).toBe(STATUS_NOT_SENT)
    expect(await dma(client, COMMAND_WRITE, 0xffff_ffff_ffff_ffffn, 1)).toBe(STATUS_REFUSED)
  })

  test('raises the interrupt that was asked for at the end of a DMA', async () => {
    const client = await open()
    using event = new EventFd()
    await client.setIrqs(VFIO.VFIO_IRQ_SET_DATA_EVENTFD | VFIO.VFIO_IRQ_SET_ACTION_TRIGGER, 2, 5, 1, [event.fd.number])
    await client.write32(BAR, REGISTER.RAISE_AT_END, RAISE_ENABLED + (RAISE_MSIX << RAISE_KIND_SHIFT) + 5)
    await dma(client, COMMAND_WRITE, ADDRESS, 4)
    expect(event.read()).toBe(1)
    await client.write32(BAR, REGISTER.RAISE, (RAISE_MSIX << RAISE_KIND_SHIFT) + 4)
    expect(await client.read32(BAR, REGISTER.IRQ_STATUS)).toBe(0)
  })

  test('is as at first after a reset, and tells nothing of a DMA that began before', async () => {
    const client = await open()
    await client.write32(BAR, REGISTER.SCRATCH, 5)
    await client.write32(BAR, REGISTER.LENGTH, 64)
    await client.write32(BAR, REGISTER.COMMAND, COMMAND_READ)
    await client.request(COMMAND.DEVICE_RESET)
    if (server !== undefined) await reported(server, { event: 'dma' })
    const values = await Promise.all([REGISTER.SCRATCH, REGISTER.LENGTH, REGISTER.STATUS, REGISTER.DONE, REGISTER.REFUSED, REGISTER.RESETS].map((register) => client.read32(BAR, register)))
    expect(values).toEqual([0, 0, STATUS_IDLE, 0, 0, 1])
  })

  test('can be away for a while after a reset by its driver, and comes back by itself', async () => {
    const client = await open({ goneAfterResetMs: 100 })
    const express = 0x70
    await client.write(CONFIG, express + 8, Uint8Array.of(0x10, 0xa8))
    expect(await client.read32(CONFIG, 0)).toBe(0xffff_ffff)
    await vi.waitFor(async () => { expect(await client.read32(CONFIG, 0)).toBe(0x11eb_1234) })
  })

  test('has places 64 GiB apart', async () => {
    const client = await open()
    expect(Buffer.from(await client.read(LARGE_BAR, 2 ** 36 - 8, 8)).readBigUInt64LE()).toBe(2n ** 36n - 8n)
    await client.write32(LARGE_BAR, 2 ** 35 + 4, 0xcafe)
    expect([await client.read32(BAR, REGISTER.LAST_OFFSET), await client.read32(BAR, REGISTER.LAST_OFFSET + 4), await client.read32(BAR, REGISTER.LAST_VALUE)]).toEqual([4, 8, 0xcafe])
  })
})

describe('its options', () => {
  const ignore = () => undefined
  const running = async (options: unknown) => new RunningDevice(await makeDevice(options), { dma: ignore, reset: ignore, error: ignore, line: ignore })

  test.each(BREAKAGES.map((breakage) => [breakage]))('break config space: %s', async (breakage) => {
    const [sound, broken] = [await running({ pasidBits: 20 }), await running({ pasidBits: 20, broken: [breakage] })]
    const differs = () => !Buffer.from(sound.read(CONFIG, 0, 4096)).equals(broken.read(CONFIG, 0, 4096))
    const atOnce = differs()
    // INTx disable of the command register.
    for (const device of [sound, broken]) device.write(CONFIG, 4, Uint8Array.of(0, 4))
    expect([atOnce, differs()]).toEqual([breakage !== 'no-intx-disable', true])
  })

  test.each([
    ['unknown', { adressBits: 32 }, /adressBits/],
    ['out of range', { addressBits: 11 }, /addressBits/],
    ['no power of two', { bars: { large: { bytes: 3 * 2 ** 30 } } }, /power of two/],
    ['for PCI Express on a device without it', { express: false, ats: true }, /need express/],
    ['no object', 7, /expected object/],
  ])('that are %s are refused', async (_, options, words) => {
    await expect(running(options)).rejects.toThrow(words)
  })

  test('can make it a BAR that no machine has room for, or no large one at all', async () => {
    expect((await running({ bars: { large: { bytes: 2 ** 62 } } })).region(LARGE_BAR)?.size).toBe(2 ** 62)
    expect((await running({ bars: { large: { bytes: 0 }, sparse: false, small: false } })).region(LARGE_BAR)?.size).toBe(0)
  })

  test('can make it a device of 256 bytes of config space', async () => {
    const config = (await running({ express: false })).read(CONFIG, 0, 4096)
    expect(config.subarray(256).every((byte) => byte === 0)).toBe(true)
  })
})
