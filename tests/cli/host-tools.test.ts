import { expect, test } from 'vitest'
import { findProgram } from '../../orchestrator/host/find-program.ts'
import { run } from '../../orchestrator/host/spawn.ts'
import { openTools } from '../../orchestrator/toolbox/open-tools.ts'
import { temporaryDir } from '../lab-process.ts'

const options = { notice: () => undefined, signal: new AbortController().signal }

test('says of every program whether it is there', async () => {
  await using tools = await openTools('host', options)
  expect(tools.root).toBe('/')
  for (const program of ['qemu-system-x86_64', 'gcc', 'flex', 'bison', 'busybox', 'dropbear', 'mkfs.erofs', 'apt-get']) {
    const isThere = await findProgram(program) !== undefined
    expect([program, tools.missing.some(({ what }) => what === `program ${program}`)]).toEqual([program, !isThere])
  }
  if (await findProgram('make') !== undefined) expect(tools.versions['make']).toMatch(/^GNU Make \d/)
})

test('a program runs in the folder and the environment that it is given', async () => {
  await using dir = await temporaryDir()
  await using tools = await openTools('host', options)
  const { stdout } = await run(tools.command({ program: 'sh', args: ['-c', 'pwd; echo $KBUILD_BUILD_USER'], cwd: dir.path, env: { KBUILD_BUILD_USER: 'lab' } }), { what: 'the test' })
  expect(stdout).toBe(`${dir.path}\nlab\n`)
})
