import { chmod, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterEach, expect, test } from 'vitest'
import { findProgram } from '../../orchestrator/host/find-program.ts'
import { run } from '../../orchestrator/host/spawn.ts'
import { openTools } from '../../orchestrator/toolbox/open-tools.ts'
import { temporaryDir } from '../lab-process.ts'

const options = { notice: () => undefined, signal: new AbortController().signal }
const path = process.env['PATH']
afterEach(() => { process.env['PATH'] = path })

/** A folder for PATH whose qemu-system-x86_64 is the toolbox's own; `filter` takes lines out of its answers. */
const qemuOnHost = async (folder: string, filter: string): Promise<void> => {
  await using toolbox = await openTools('toolbox', options)
  const { file, args } = toolbox.command({ program: 'qemu-system-x86_64', args: [] })
  const quoted = [file, ...args].map((word) => `'${word}'`).join(' ')
  await writeFile(join(folder, 'qemu-system-x86_64'), `#!/bin/sh\n${quoted} "$@" | ${filter}\n`)
  await chmod(join(folder, 'qemu-system-x86_64'), 0o755)
  process.env['PATH'] = `${folder}:${path ?? ''}`
}

test('says of every program whether it is there', async () => {
  await using tools = await openTools('host', options)
  expect(tools.root).toBe('/')
  for (const program of ['qemu-system-x86_64', 'gcc', 'flex', 'bison', 'busybox', 'dropbear', 'mkfs.erofs', 'apt-get']) {
    const isThere = await findProgram(program) !== undefined
    expect([program, tools.missing.some(({ what }) => what === `program ${program}`)]).toEqual([program, !isThere])
  }
  if (await findProgram('make') !== undefined) expect(tools.versions['make']).toMatch(/^GNU Make \d/)
})

test('a QEMU with all that the machines need misses nothing', async () => {
  await using dir = await temporaryDir()
  await qemuOnHost(dir.path, 'cat')
  await using tools = await openTools('host', options)
  expect(tools.missing.filter(({ what }) => what.includes('QEMU'))).toEqual([])
  expect(tools.versions['qemu']).toMatch(/^QEMU emulator version 1\d/)
})

test('a QEMU without a device or an option is told, with what it blocks', async () => {
  await using dir = await temporaryDir()
  await qemuOnHost(dir.path, 'grep -v -e \'"iommu-testdev"\' -e fsts=')
  await using tools = await openTools('host', options)
  expect(tools.missing.filter(({ what }) => what.includes('QEMU'))).toEqual([
    { what: 'QEMU device iommu-testdev', why: 'QEMU has it since 11.0; the toolbox has it too', blocks: 'iommu-testdev' },
    { what: 'option fsts of the QEMU device intel-iommu', why: 'QEMU has it since 11.0; the toolbox has it too', blocks: 'intel-first-stage' },
  ])
})

test('a program runs in the folder and the environment that it is given', async () => {
  await using dir = await temporaryDir()
  await using tools = await openTools('host', options)
  const { stdout } = await run(tools.command({ program: 'sh', args: ['-c', 'pwd; echo $KBUILD_BUILD_USER'], cwd: dir.path, env: { KBUILD_BUILD_USER: 'lab' } }), { what: 'the test' })
  expect(stdout).toBe(`${dir.path}\nlab\n`)
})
