import { PassThrough, Readable } from 'node:stream'
import { text } from 'node:stream/consumers'
import { execa } from 'execa'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { serve } from '../../../guest-agent/main.ts'

const MAIN = join(import.meta.dirname, '../../../guest-agent/main.ts')

const answers = async (...chunks: readonly string[]): Promise<readonly unknown[]> => {
  const output = new PassThrough()
  const said = text(output)
  await serve(Readable.from(chunks.map((chunk) => Buffer.from(chunk))), output)
  output.end()
  return (await said).trimEnd().split('\n').map((line): unknown => JSON.parse(line))
}

const cell = { config: {}, uapi: [], iommu: [], devices: ['edu'], topology: [] }
const request = (run: object): string => `${JSON.stringify({ run: { cases: [], cell, timeoutScale: 1, ...run } })}\n`

test('the catalogue comes in answer to {list}, also when the request arrives in pieces', async () => {
  const [uapi, event] = await answers('{"li', 'st":true}', '\n', 'and more that nobody reads')
  expect(uapi).toMatchObject({ event: 'uapi', uapi: { ioctls: { IOMMU_DESTROY: 0x3b80 } } })
  expect(event).toMatchObject({ event: 'catalogue' })
  expect(JSON.stringify(event)).toContain('"id":"nodes/iommufd"')
})

test('a case that the agent does not have is an agent-error, after hello', async () => {
  expect(await answers(request({ cases: ['no/such'] }))).toMatchObject([
    { event: 'hello', protocol: 1 },
    { event: 'agent-error', message: 'there is no case no/such in this agent' },
  ])
})

test.for([
  ['no JSON', 'hello\n', 'the request is no JSON'],
  ['neither list nor run', '{}\n', 'run must be an object'],
  ['a list of cases that is none', request({ cases: 'all' }), 'run.cases must be a list of strings'],
  ['a time scale of 0', request({ timeoutScale: 0 }), 'run.timeoutScale must be a number above 0'],
  ['an IOMMU that nobody has', request({ cell: { ...cell, iommu: ['magic'] } }), 'cell.iommu: magic is unknown'],
  ['an input that ends', '', 'the request is no JSON'],
] as const)('%s is an agent-error', async ([, line, message]) => {
  expect(await answers(line)).toEqual([{ event: 'agent-error', message }])
})

test('the list loads no koffi and does not wait for the end of its input', async () => {
  // --no-addons: loading koffi would fail.
  const agent = execa(process.execPath, ['--no-addons', '--no-warnings', MAIN], { stdin: 'pipe', timeout: 15_000 })
  agent.stdin.write('{"list":true}\n')
  const { stdout } = await agent
  expect(stdout.split('\n')[1]?.startsWith('{"event":"catalogue"')).toBe(true)
})
