import { execa } from 'execa'
import { expect, test } from 'vitest'

const source = new URL('../../../orchestrator/host/interrupt.ts', import.meta.url).href
const program = (onAbort: string) => execa(process.execPath, [
  '--input-type=module', '-e',
  `const { interruptSignal } = await import(${JSON.stringify(source)}); const signal = interruptSignal()
   signal.addEventListener('abort', () => { console.log(signal.reason.name, signal.reason.by); ${onAbort} }); setInterval(() => {}, 1000); console.log('ready')`,
], { reject: false })

test.each(['SIGINT', 'SIGTERM', 'SIGHUP'] as const)('%s aborts with itself as the reason', async (name) => {
  const child = program('process.exit(5)')
  child.stdout.once('data', () => child.kill(name))
  expect(await child).toMatchObject({ exitCode: 5, stdout: `ready\nInterrupted ${name}` })
})

test('a second one exits at once with 130', async () => {
  const child = program('')
  child.stdout.on('data', () => child.kill('SIGINT'))
  expect(await child).toMatchObject({ exitCode: 130 })
})
