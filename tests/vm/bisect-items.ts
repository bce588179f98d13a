import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { execa } from 'execa'
import { expect } from 'vitest'
import { cacheDir } from '../../orchestrator/host/cache.ts'
import { callLab, temporaryDir } from '../lab-process.ts'
import { kernelTree } from './kernel-tree.ts'

const SERIES = join(import.meta.dirname, '..', 'series', 'one-of-five-breaks.mbox')
const BREAKS = /vfio\/pci: drop needless parentheses in vfio_bar_fixup\(\)/
const PLACE = ['--machine', 'none', '--case', 'config-space/bar-sizing']

/** A folder of its own: the journal and the runs of a search are kept beside the config. */
const labFolder = async () => {
  const dir = await temporaryDir()
  await writeFile(join(dir.path, 'lab.config.ts'), await readFile(join(import.meta.dirname, '..', '..', 'lab.config.ts'), 'utf8'))
  return dir
}

/** Of many that do nothing. */
const CODEPAGES = [437, 737, 775, 850, 852, 855, 857, 860, 861, 862, 863, 864, 865, 866, 869, 874, 1250, 1251].map((page) => `NLS_CODEPAGE_${page}`)
const ALPHABETS = [1, 2, 3, 4, 5, 6, 7, 9, 13, 14, 15].map((part) => `NLS_ISO8859_${part}`)
const ON = ['IOMMUFD', 'VFIO_GROUP', 'VFIO_CONTAINER', 'VFIO_DEVICE_CDEV', 'VFIO_NOIOMMU', 'NLS', ...CODEPAGES, ...ALPHABETS, 'NLS_ASCII', 'CMDLINE_BOOL']

/** What each kind of bisect finds, on real kernels and in real guests. */
export const bisects = [
  {
    name: 'the patch of a series that breaks a case',
    check: async () => {
      await using dir = await labFolder()
      const args = ['bisect', '--patch', SERIES, '--config', 'noiommu', ...PLACE]
      const { exitCode, stdout } = await callLab(args, { cwd: dir.path })
      expect(stdout).toMatch(/^the first bad one: patch 3 of 5 "/m)
      expect(stdout).toMatch(BREAKS)
      expect(exitCode).toBe(0)
      // Asked again, it knows.
      const again = await callLab(args, { cwd: dir.path })
      expect(again.stdout).toMatch(/going on where this search was stopped/)
      expect(again.stdout.match(/\(judged before\)/g)?.length).toBe(2)
      expect(again.exitCode).toBe(0)
      const command = /^show it: +\.\/lab (run .*)$/m.exec(stdout)?.[1] ?? ''
      const shown = await execa(join(import.meta.dirname, '..', '..', 'lab'), command.split(' ').map((word) => word.replaceAll("'", '')), { cwd: dir.path, reject: false })
      expect(shown.stdout).toMatch(/1 of 1 steps makes something worse, the first is: debian\+3/)
      expect(shown.exitCode).toBe(1)
    },
  },
  {
    name: 'the symbol among more than thirty that turns a case',
    check: async () => {
      await using dir = await labFolder()
      await writeFile(join(dir.path, 'bad.config'), `${ON.map((symbol) => `CONFIG_${symbol}=y\n`).join('')}CONFIG_CMDLINE="pci=nomsi"\n`)
      const { exitCode, stdout } = await callLab(['bisect', '--config', 'noiommu', './bad.config', '--machine', 'none', '--case', 'irq-msi/deliver'], { cwd: dir.path })
      expect(stdout).toMatch(/^1 of 3\d symbols turns the verdict:\n {2}CONFIG_CMDLINE: n -> "pci=nomsi"\nand with them Kconfig turns CONFIG_CMDLINE_BOOL: n -> y$/m)
      expect(exitCode).toBe(0)
      const command = /^show it: +\.\/lab (run .*)$/m.exec(stdout)?.[1] ?? ''
      expect(command).toContain('--config noiommu')
      const shown = await callLab(command.split(' '), { cwd: dir.path })
      expect(shown.stdout).toMatch(/^FAIL irq-msi\/deliver/m)
      expect(shown.exitCode).toBe(1)
    },
  },
  {
    name: 'the commit of a repository that breaks a case',
    check: async () => {
      await using dir = await labFolder()
      await using tree = await kernelTree('linux-source-7.3')
      // Beside the tree, which stays: the repository is made once a machine.
      const git = async (...args: readonly string[]) => (await execa('git', [`--git-dir=${cacheDir('tests', 'linux-source-7.3', 'commits.git')}`, `--work-tree=${tree.dir}`, '-c', 'user.name=t', '-c', 'user.email=t@example.org', ...args])).stdout
      await execa('git', ['init', '-q', '--bare', cacheDir('tests', 'linux-source-7.3', 'commits.git')])
      // Debian's own .gitignore ignores everything.
      await git('-C', tree.dir, 'add', '--all', '--force')
      await git('commit', '-q', '-m', 'base', '--allow-empty')
      const base = await git('rev-parse', 'HEAD')
      const worktree = join(dir.path, 'worktree')
      await git('worktree', 'add', '-q', '--detach', worktree, base)
      await execa('git', ['-C', worktree, '-c', 'user.name=t', '-c', 'user.email=t@example.org', 'am', '-q', '--empty=drop', SERIES])
      const tip = (await execa('git', ['-C', worktree, 'rev-parse', 'HEAD'])).stdout
      const { exitCode, stdout } = await callLab(['bisect', '--tree', worktree, '--good', base, '--bad', tip, '--config', 'noiommu', ...PLACE], { cwd: dir.path })
      await git('worktree', 'remove', '--force', worktree)
      expect(stdout).toMatch(/^the first bad one: [0-9a-f]{12} /m)
      expect(stdout).toMatch(BREAKS)
      expect(exitCode).toBe(0)
    },
  },
]
