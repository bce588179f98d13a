import { readdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { callLab, temporaryDir } from '../lab-process.ts'

/** A folder with this lab.config.ts, and what `lab ...args` says there. */
const inFolder = async (config: string, args: readonly string[]) => {
  await using dir = await temporaryDir()
  await writeFile(join(dir.path, 'lab.config.ts'), config)
  const end = await callLab(args, { cwd: dir.path })
  return { ...end, left: (await readdir(dir.path)).filter((name) => name !== 'lab.config.ts') }
}

const config = (changes: string) => `
import { debian, defineLab, edu, intelIommu } from 'vfio-lab'
export default defineLab({
  kernels: { debian: { source: debian('linux-source-*') } },
  configs: { noiommu: ['iommufd', 'group', 'container', 'cdev', 'noiommu'] },
  machines: { none: { devices: [edu()] }, intel: { iommu: intelIommu(), devices: [edu()] } },
  ${changes}
})
`

const withDevice = (device: string) => config('')
  .replace('intelIommu }', 'intelIommu, oneGroup, vfioUser, vfioUserDma }')
  .replace('none: {', `mine: { devices: [edu(), ${device}] }, none: {`)

const oneScreen = (text: string) => { expect(text.split('\n').length).toBeLessThan(25) }

describe('what a user gets wrong is told on one screen, with exit 2, and leaves nothing behind', () => {
  test.each([
    ['an unknown command', ['frobnicate'], /unknown command 'frobnicate'/],
    ['an unknown flag', ['run', '--frobnicate'], /unknown option '--frobnicate'/],
    ['a flag of later days', ['run', '--resume'], /unknown option '--resume'/],
    ['each patch of none', ['run', '--each'], /--each is about patches/],
    ['a range of no tree', ['run', '--range', 'A..B'], /--tree DIR --range/],
    ['a range and patches', ['run', '--range', 'A..B', '--patch', 'x'], /cannot be used with/],
    ['a wrong accelerator', ['run', '--accel', 'xen'], /auto, kvm, tcg/],
    ['no workers', ['run', '--workers', '0'], /whole number from 1 to 64/],
    ['half a seed', ['run', '--seed', '1.5'], /whole number from 0 to/],
    ['a choice that would be forgotten', ['plan', '--machine', 'none', '--machine', 'intel'], /it was none before, and takes one name or glob, like '\{one,other\}'/],
    ['a shard past the end', ['run', '--shard', '3/2'], /1\/3/],
    ['an unknown config', ['run', '--config', 'noiomu'], /noiomu.*noiommu/s],
    ['an unknown machine', ['run', '--machine', 'inte'], /inte.*intel/s],
    ['an unknown kernel', ['run', '--kernel', 'debain'], /debain.*debian/s],
  ])('%s', async (_, args, message) => {
    const { exitCode, stderr, left } = await inFolder(config(''), args)
    expect(stderr).toMatch(message)
    expect(exitCode).toBe(2)
    expect(left).toEqual([])
    oneScreen(stderr)
  })

  test.each([
    ['an unknown key', config('machnes: {},'), /machnes.*machines/s],
    ['an unknown fragment', config('').replace("'noiommu']", "'noiomu']"), /noiomu.*noiommu/s],
    ['an excluded machine that there is not', config("exclude: [{ machine: 'intell', because: 'slow' }],"), /intell.*intel/s],
    ['a name that is a path', config('').replace('none:', "'../none':"), /\.\.\/none/],
    ['a syntax error', 'export default defineLab({', /lab\.config\.ts/],
    ['a config that throws', "throw new Error('no such thing')", /no such thing/],
    ['a device whose file is not there', withDevice("vfioUser('./nowhere.ts')"), /machines\.mine\.devices\[1\]: there is no file \/.*\/nowhere\.ts/],
    ['options of a device that are no object', withDevice("vfioUser('./lab.config.ts', 'fast')"), /vfioUser\('\.\/lab\.config\.ts'\): the options must be a JSON object/],
    ['a device of a program\'s in a group', withDevice("oneGroup(edu(), vfioUser('./lab.config.ts'))"), /oneGroup\(\): vfio-user stands behind a root port of its own/],
    ['an option that the programmable device has not', withDevice('vfioUserDma({ adressBits: 32 })'), /adressBits; did you mean addressBits/],
    ['no default export', 'export const lab = 1', /default/],
  ])('%s in lab.config.ts', async (_, text, message) => {
    const { exitCode, stderr, left } = await inFolder(text, ['run'])
    expect(stderr).toMatch(message)
    expect(exitCode).toBe(2)
    expect(left).toEqual([])
    oneScreen(stderr)
  })

  test('--tree with a folder that is no kernel tree', async () => {
    await using dir = await temporaryDir()
    const { exitCode, stderr, left } = await inFolder(config(''), ['run', '--tree', dir.path])
    expect(stderr).toMatch(/no kernel tree|not a kernel tree/)
    expect(exitCode).toBe(2)
    expect(left.filter((name) => name !== '.lab')).toEqual([])
    oneScreen(stderr)
  })
})
