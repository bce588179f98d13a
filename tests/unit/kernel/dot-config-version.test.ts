import { expect, test } from 'vitest'
import { dotConfigVersion, sameVersion } from '../../../orchestrator/kernel/dot-config-version.ts'

test('the head of a .config names the version', () => {
  expect(dotConfigVersion('#\n# Automatically generated file; DO NOT EDIT.\n# Linux/x86 7.3.0-rc7 Kernel Configuration\n#\nCONFIG_PCI=y\n')).toBe('7.3.0-rc7')
  expect(dotConfigVersion('# Linux/arm64 7.3.0 Kernel Configuration\n')).toBeUndefined()
  expect(dotConfigVersion('CONFIG_PCI=y\n')).toBeUndefined()
})

test.each([
  ['7.3.0-rc7', '7.3.0-rc7', true],
  ['7.3.0-rc7', '7.3-amd64', true],
  ['7.2.13', '7.2.13+deb14-amd64', true],
  ['6.1.76', '6.1.0-18-amd64', true],
  ['7.3.0-rc7', '7.3.0-rc7-next-20261120+', true],
  ['7.2.13', '7.2.12+deb14-amd64', false],
  ['7.2.0', '7.3-amd64', false],
  ['6.3.0', '7.3.0', false],
  ['7.30.0', '7.3.0', false],
])('a config of %s and a kernel %s: %s', (version, release, same) => {
  expect(sameVersion(version, release)).toBe(same)
})
