import { expect, test } from 'vitest'
import { start } from '../../../orchestrator/host/start.ts'

test('a program that writes byte by byte, without waiting, loses nothing while nobody reads', async () => {
  await using process = await start(
    { file: '/bin/sh', args: ['-c', 'exec dd if=/dev/zero bs=1 count=20000 oflag=nonblock status=none'] },
    { what: 'writing byte by byte' },
  )
  process.stderr.resume()
  expect(await process.exited).toEqual({ code: 0, signal: null })
  let bytes = 0
  for await (const chunk of process.stdout) bytes += Buffer.byteLength(String(chunk))
  expect(bytes).toBe(20_000)
})
