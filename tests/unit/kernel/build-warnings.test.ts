import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { listenForWarnings, warningOf } from '../../../orchestrator/kernel/build-warnings.ts'

const objectTree = async () => {
  const dir = await mkdtemp(join(tmpdir(), 'vfio-lab-test-'))
  onTestFinished(() => rm(dir, { recursive: true, force: true }))
  return dir
}

/** One make in an object tree. */
const make = async (objects: string, ...lines: readonly string[]) => {
  const { hear, settle } = await listenForWarnings(objects)
  lines.forEach(hear)
  return (await settle()).map(({ file, line, text }) => `${file}:${line} ${text}`)
}

const UNUSED = "../drivers/vfio/group.c:12:6: warning: unused variable 'x' [-Wunused-variable]"

test.each([
  [UNUSED, { file: 'drivers/vfio/group.c', line: 12, text: "unused variable 'x' [-Wunused-variable]" }],
  ['drivers/vfio/pci/vfio_pci_core.o: warning: objtool: f+0x12: unreachable', { file: 'drivers/vfio/pci/vfio_pci_core.o', line: 0, text: 'objtool: f+0x12: unreachable' }],
  ['WARNING: modpost: vmlinux: section mismatch', { file: 'vmlinux', line: 0, text: 'modpost: vmlinux: section mismatch' }],
  ['../arch/x86/kernel/head_64.S:40: Warning: no instruction mnemonic suffix', { file: 'arch/x86/kernel/head_64.S', line: 40, text: 'no instruction mnemonic suffix' }],
  ['  CC      drivers/vfio/group.o', undefined],
  ["../drivers/vfio/group.c:12:6: error: expected ';'", undefined],
  ['../drivers/vfio/group.c: In function warning:', undefined],
])('%s', (line, expected) => { expect(warningOf(line)).toEqual(expected) })

test('a warning stays until its file is compiled without it', async () => {
  const objects = await objectTree()
  const told = "drivers/vfio/group.c:12 unused variable 'x' [-Wunused-variable]"
  expect(await make(objects, '  CC      drivers/vfio/group.o', UNUSED)).toEqual([told])
  expect(await make(objects, '  CC      drivers/vfio/vfio_main.o')).toEqual([told])
  expect(await make(objects, '  CC      drivers/vfio/group.o')).toEqual([])
})

test('what is told of the whole kernel is told anew by every link', async () => {
  const objects = await objectTree()
  expect(await make(objects, 'WARNING: modpost: vmlinux: section mismatch')).toHaveLength(1)
  expect(await make(objects)).toEqual([])
})

test('what a killed lab left half written is nothing', async () => {
  const objects = await objectTree()
  await writeFile(join(objects, '.lab-warnings.json'), '[{"file":')
  expect(await make(objects)).toEqual([])
})
