import { copyFile } from 'node:fs/promises'
import { join } from 'node:path'
import { execa } from 'execa'
import { expect, test } from 'vitest'
import { callLab, lab, temporaryDir } from '../lab-process.ts'

const shell = (input: string, args: readonly string[]) => execa(lab, ['shell', ...args], { reject: false, input })

test('commands on standard input run in a guest of the cell; the exit status is that of the shell', async () => {
  const { stdout, exitCode } = await shell('cat /proc/cmdline\nls /sys/class/iommu\nnode --version\nexit 7\n', ['noiommu/intel'])
  expect(stdout).toMatch(/intel_iommu=on/)
  expect(stdout).toMatch(/^dmar0$/m)
  expect(stdout).toMatch(/^v24\./m)
  expect(exitCode).toBe(7)
})

test('a guest that dies under the shell is told, with what it said last', async () => {
  const { stderr, exitCode } = await shell('echo last words >/dev/kmsg\npoweroff -f\nsleep 60\n', ['noiommu/none'])
  expect(stderr).toMatch(/the guest died/)
  expect(stderr).toMatch(/last words/)
  expect(exitCode).toBe(1)
})

test('--qemu prints a command that starts this guest by itself', async () => {
  await using dir = await temporaryDir()
  await copyFile(join(import.meta.dirname, '..', '..', 'lab.config.ts'), join(dir.path, 'lab.config.ts'))
  const { stdout, exitCode } = await callLab(['shell', '--qemu', 'debian/noiommu/amd'], { cwd: dir.path })
  expect(exitCode).toBe(0)
  expect(stdout).toMatch(/^ {2}-device amd-iommu,/m)
  const guest = execa('sh', ['-c', `exec ${stdout}`], { reject: false, stdin: 'ignore', timeout: 120_000 })
  for await (const line of guest) {
    if (line.includes('vfio-lab: init: ssh is up')) guest.kill()
  }
  const said = await guest
  expect(`${said.stdout}\n${said.stderr}`).toMatch(/vfio-lab: init: ssh is up/)
})

test('a cell that there is not, and a name that means several, are the user\'s to mend', async () => {
  const unknown = await shell('', ['noiommu/nowhere'])
  expect([unknown.exitCode, unknown.stderr]).toEqual([2, expect.stringMatching(/no machine matches nowhere/)])
  const many = await shell('', ['noiommu/intel*'])
  expect([many.exitCode, many.stderr]).toEqual([2, expect.stringMatching(/cells are meant, and it takes one/)])
})
