import { copyFile, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { expect, test, vi } from 'vitest'
import { EventFd } from '../../../../guest-agent/sys/eventfd.ts'
import { loadLibc } from '../../../../guest-agent/sys/libc.ts'
import { VFIO } from '../../../../guest-agent/uapi/vfio.ts'
import { start } from '../../../../orchestrator/host/spawn.ts'
import { temporaryDir } from '../../../lab-process.ts'
import { Client } from './vfio-user/test-client.ts'

const PROJECT = join(import.meta.dirname, '../../../..')
const EXAMPLE = join(PROJECT, 'images/devices/adder.ts')
const MAIN = join(PROJECT, 'images/devices/vfio-user/main.ts')
const ENODEV = 19

const connected = async (path: string): Promise<Client> => {
  for (;;) {
    try {
      const client = new Client(path)
      await client.version()
      return client
    } catch (error) {
      if (!(error instanceof Error && 'code' in error && (error.code === 'ENOENT' || error.code === 'ECONNREFUSED'))) throw error
      await sleep(10)
    }
  }
}

test('the page on devices shows the example as it is, and it has 30 lines at most', async () => {
  const example = await readFile(EXAMPLE, 'utf8')
  expect(await readFile(join(PROJECT, 'docs/devices.md'), 'utf8')).toContain(`\`\`\`ts\n${example}\`\`\`\n`)
  expect(example.trimEnd().split('\n').length).toBeLessThanOrEqual(30)
})

test('the example works, from any folder: it adds up guest memory, tells by an interrupt, and says when it may not read', async () => {
  await loadLibc()
  await using folder = await temporaryDir()
  // The package.json of somebody who does not write modules otherwise.
  await writeFile(join(folder.path, 'package.json'), '{ "type": "commonjs" }')
  const file = join(folder.path, 'adder.ts')
  await copyFile(EXAMPLE, file)
  const socket = join(folder.path, 'd')
  await using server = await start({ file: process.execPath, args: [MAIN, file, '--socket', socket] }, { what: 'the example' })
  let said = ''
  server.stdout.on('data', (chunk: Buffer) => { said += chunk.toString() })
  server.stderr.on('data', (chunk: Buffer) => { said += chunk.toString() })
  const client = await connected(socket)
  client.memory.push({ start: 0x1000n, bytes: Uint8Array.of(1, 2, 3, 250), writeable: false })
  using event = new EventFd()
  await client.setIrqs(VFIO.VFIO_IRQ_SET_DATA_EVENTFD | VFIO.VFIO_IRQ_SET_ACTION_TRIGGER, VFIO.VFIO_PCI_MSIX_IRQ_INDEX, 0, 1, [event.fd.number])
  const sumAt = async (address: number): Promise<readonly number[]> => {
    await client.write32(0, 0, address)
    await client.write32(0, 8, 4)
    expect(await event.wait(5000)).toBe(1)
    return [await client.read32(0, 0x0c), await client.read32(0, 0x10)]
  }
  expect(await sumAt(0x1000)).toEqual([256, 0])
  expect(await sumAt(0x2000)).toEqual([0, ENODEV])
  await vi.waitFor(() => { expect(said).toContain('"outcome":"refused","errno":19,"code":"ENODEV"') })
})

test.each<readonly [string, string, RegExp, readonly string[]]>([
  ['options that it does not take', 'export default { ids: { vendor: 1, device: 1 } }', /takes no options/, ['--options', '{}']],
  ['no device', 'export default 7', /exports no device/, []],
  ['one that throws', 'throw new Error("out of order")', /out of order/, []],
  ['one that PCI cannot have', 'export default { ids: { vendor: 1, device: 1 }, bars: [{ size: 3 }] }', /power of two/, []],
])('a file with %s is the user\'s mistake: status 2, and why', async (_, text, words, options) => {
  await using folder = await temporaryDir()
  await writeFile(join(folder.path, 'device.ts'), text)
  await using server = await start({ file: process.execPath, args: [MAIN, join(folder.path, 'device.ts'), '--socket', join(folder.path, 'd'), ...options] }, { what: 'a bad device' })
  let said = ''
  server.stdout.resume()
  server.stderr.on('data', (chunk: Buffer) => { said += chunk.toString() })
  expect((await server.exited).code).toBe(2)
  expect(said).toMatch(words)
})
