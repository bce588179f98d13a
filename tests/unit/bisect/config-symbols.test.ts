import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { type ConfigEnds, differenceFragment, settableDifferences, turnedConfig, withNeeded } from '../../../orchestrator/bisect/config-symbols.ts'
import { parseDotConfig } from '../../../orchestrator/kernel/dot-config.ts'
import { parseFragment } from '../../../orchestrator/kernel/fragment.ts'
import { type Kconfig, readKconfig } from '../../../orchestrator/kernel/kconfig.ts'

const KCONFIG = `
config BUS
\tbool "bus"
config DEVICE
\tbool "device"
\tdepends on BUS && !OLD
config DRIVER
\ttristate "driver"
\tdepends on DEVICE
config LIBRARY
\tbool
config PUSHED
\tbool "pushed"
config PUSHER
\tbool "pusher"
\tselect PUSHED
\tselect LIBRARY
config OLD
\tbool "old"
config COUNT
\tint "count"
`

const kconfigOf = async (text: string): Promise<Kconfig> => {
  const tree = await mkdtemp(join(tmpdir(), 'vfio-lab-test-'))
  onTestFinished(() => rm(tree, { recursive: true, force: true }))
  await mkdir(join(tree, 'arch', 'x86'), { recursive: true })
  await writeFile(join(tree, 'Kconfig'), text)
  return readKconfig(tree, AbortSignal.timeout(10_000))
}

const ends = async (good: string, bad: string): Promise<ConfigEnds> => ({ good: parseDotConfig(good), bad: parseDotConfig(bad), kconfig: await kconfigOf(KCONFIG) })

test('differences that nobody can set follow from others and are left out; neighbours stay neighbours', async () => {
  expect(settableDifferences(await ends('CONFIG_COUNT=1\nCONFIG_OLD=y\nCONFIG_BUS=y', 'CONFIG_BUS=y\nCONFIG_PUSHER=y\nCONFIG_LIBRARY=y\nCONFIG_PUSHED=y\nCONFIG_COUNT=2')))
    .toEqual(['PUSHED', 'PUSHER', 'OLD', 'COUNT'])
})

test('a symbol that is turned on takes along what it depends on, through all of it, when that differs too', async () => {
  expect(withNeeded(['DRIVER'], await ends('', 'CONFIG_BUS=y\nCONFIG_DEVICE=y\nCONFIG_DRIVER=m'))).toEqual(['DRIVER', 'DEVICE', 'BUS'])
  expect(withNeeded(['DRIVER'], await ends('CONFIG_BUS=y', 'CONFIG_BUS=y\nCONFIG_DEVICE=y\nCONFIG_DRIVER=m'))).toEqual(['DRIVER', 'DEVICE'])
})

test('a symbol that is turned off takes along what selects it', async () => {
  expect(withNeeded(['PUSHED'], await ends('CONFIG_PUSHER=y\nCONFIG_PUSHED=y\nCONFIG_LIBRARY=y', ''))).toEqual(['PUSHED', 'PUSHER'])
})

test('the config of a subset is the good one with these as in the bad one, and says what would become a default', async () => {
  const text = turnedConfig(['BUS'], await ends('CONFIG_OLD=y\nCONFIG_COUNT=1', 'CONFIG_BUS=y\nCONFIG_DEVICE=y\nCONFIG_COUNT=2'), parseFragment('CONFIG_PUSHER=y', 'base.config'))
  expect(parseDotConfig(text)).toEqual({ OLD: 'y', COUNT: '1', BUS: 'y' })
  expect(text).toContain('# CONFIG_DEVICE is not set\n')
  expect(text).toContain('# CONFIG_PUSHER is not set\n')
  expect(parseFragment(text, 'x.config').every(({ ofDotConfig }) => ofDotConfig)).toBe(true)
})

test('the answer is a fragment of what can be set', async () => {
  const { good, bad, kconfig } = await ends('CONFIG_OLD=y', 'CONFIG_PUSHER=y\nCONFIG_LIBRARY=y\nCONFIG_PUSHED=y')
  expect(differenceFragment(good, bad, kconfig)).toBe('CONFIG_PUSHED=y\nCONFIG_PUSHER=y\n# CONFIG_OLD is not set\n')
})
