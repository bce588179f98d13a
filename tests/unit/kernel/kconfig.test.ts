import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { expect, test } from 'vitest'
import type { DotConfig } from '../../../orchestrator/kernel/dot-config.ts'
import { parseFragment } from '../../../orchestrator/kernel/fragment.ts'
import { show } from '../../../orchestrator/kernel/kconfig-expression.ts'
import { parseKconfigFile } from '../../../orchestrator/kernel/kconfig-file.ts'
import { readKconfig } from '../../../orchestrator/kernel/kconfig.ts'
import { lostSymbols } from '../../../orchestrator/kernel/lost-symbols.ts'

const treeOf = async (files: Readonly<Record<string, string>>) => {
  const dir = await mkdtemp(join(tmpdir(), 'kconfig-'))
  await mkdir(join(dir, 'arch', 'x86'), { recursive: true })
  for (const [path, text] of Object.entries(files)) {
    await mkdir(dirname(join(dir, path)), { recursive: true })
    await writeFile(join(dir, path), text)
  }
  return { kconfig: await readKconfig(dir, new AbortController().signal), [Symbol.asyncDispose]: () => rm(dir, { recursive: true }) }
}

const LAB = {
  Kconfig: `mainmenu "Linux/$(ARCH)"
source "scripts/Kconfig.include"
source "arch/$(SRCARCH)/Kconfig"
source "drivers/lab/Kconfig"
osource "nowhere/Kconfig"
`,
  'scripts/Kconfig.include': 'cc-option = $(success,$(CC) $(1))\n$(error-if,$(failure,command -v $(CC)),no compiler)\n',
  'arch/x86/Kconfig': 'config X86\n\tdef_bool y\n\tselect HAVE_PCI\n\tselect FORCED if LAB && !QUIET\n\nconfig HAVE_PCI\n\tbool\n',
  'arch/arm/Kconfig': 'config ARM_ONLY\n\tbool "Only there"\n',
  'drivers/lab/Kconfig': `menuconfig LAB
	tristate "The \\"lab\\" with depends on in its words"
	depends on HAVE_PCI
	imply IMPLIED
	help
	  Some words.

	  config NOT_A_SYMBOL
	    depends on NOTHING

	  More words.

if LAB

config LAB_GROUP
	bool "Groups"
	depends on A || \\
		   (B && !C) # why
	depends on $(cc-option,-mlab)
	depends on D if E

menu "Inner"
	depends on INNER
	visible if NEVER

config LAB_INNER
	int "Inner" if PROMPTED
	default 3
	range 1 9

endmenu
rsource "more/Kconfig"

comment "a remark"
	depends on !LAB_INNER

endif # LAB

config FORCED
	bool
	help
	 Indented by one.
config HIDDEN
	bool

choice
	prompt "One of"
	depends on CHOOSY

config ONE
	bool "one"

config TWO
	bool "two"

endchoice

config AFTER
	bool "After everything"

config AFTER
	bool "Again" if X86
	depends on LAB
`,
  'drivers/lab/more/Kconfig': 'config LAB_MORE\n\tstring "More"\n\tdepends on MORE\n',
}

const dependsOf = (kconfig: Awaited<ReturnType<typeof treeOf>>['kconfig'], symbol: string) =>
  kconfig.definitions(symbol).map(({ at, depends }) => [at, depends.map((each) => show(each, {}).replaceAll(' (=n)', ''))])

test('finds definitions with all that they hang on', async () => {
  await using tree = await treeOf(LAB)
  expect(dependsOf(tree.kconfig, 'LAB')).toEqual([['drivers/lab/Kconfig:1', ['HAVE_PCI']]])
  expect(dependsOf(tree.kconfig, 'LAB_GROUP')).toEqual([['drivers/lab/Kconfig:15', ['LAB', 'A || (B && !C)', '$(cc-option,-mlab)', 'D || !E']]])
  expect(dependsOf(tree.kconfig, 'LAB_INNER')).toEqual([['drivers/lab/Kconfig:26', ['LAB', 'INNER']]])
  expect(dependsOf(tree.kconfig, 'LAB_MORE')).toEqual([['drivers/lab/more/Kconfig:1', ['LAB', 'MORE']]])
  expect(dependsOf(tree.kconfig, 'FORCED')).toEqual([['drivers/lab/Kconfig:39', []]])
  expect(dependsOf(tree.kconfig, 'HIDDEN')).toEqual([['drivers/lab/Kconfig:43', []]])
  expect(dependsOf(tree.kconfig, 'TWO')).toEqual([['drivers/lab/Kconfig:53', ['CHOOSY']]])
  expect(dependsOf(tree.kconfig, 'AFTER')).toEqual([['drivers/lab/Kconfig:58', []], ['drivers/lab/Kconfig:61', ['LAB']]])
  expect(tree.kconfig.definitions('LAB_INNER')).toMatchObject([{ prompt: { when: { name: 'PROMPTED' } }, inChoice: false }])
  expect(tree.kconfig.definitions('ONE')).toMatchObject([{ inChoice: true }])
  expect(tree.kconfig.definitions('HIDDEN')).toMatchObject([{ prompt: 'no' }])
})

test('knows names, those of other architectures too', async () => {
  await using tree = await treeOf(LAB)
  expect(['LAB', 'X86', 'LAB_MORE', 'ARM_ONLY', 'NOT_A_SYMBOL', 'A', ''].filter((name) => tree.kconfig.has(name))).toEqual(['LAB', 'X86', 'LAB_MORE', 'ARM_ONLY'])
  expect(tree.kconfig.names()).toContain('AFTER')
  expect(tree.kconfig.names()).not.toContain('ARM_ONLY')
})

const lost = async (asked: string, config: DotConfig) => {
  await using tree = await treeOf(LAB)
  return lostSymbols(parseFragment(asked, 'f.config'), config, tree.kconfig).map(({ symbol, got, unmet }) => `${symbol}=${got}: ${unmet}`)
}

test('what came out as asked is not lost', async () => {
  expect(await lost('CONFIG_LAB=m\nCONFIG_FORCED=n\nCONFIG_LAB_MORE="x"\nCONFIG_LAB_INNER=5', { LAB: 'm', LAB_MORE: '"x"', LAB_INNER: '5' })).toEqual([])
})

test.each<[string, DotConfig, string]>([
  ['CONFIG_LAB=y', {}, 'LAB=n: HAVE_PCI (=n)'],
  ['CONFIG_LAB_GROUP=y', { LAB: 'y', HAVE_PCI: 'y' }, 'LAB_GROUP=n: A (=n) || (B (=n) && !C (=n))'],
  ['CONFIG_LAB_GROUP=y', { B: 'y', E: 'y' }, 'LAB_GROUP=n: LAB (=n) and D (=n) || !E (=y)'],
  ['CONFIG_LAB_GROUP=y', { A: 'y', LAB: 'm' }, 'LAB_GROUP=n: LAB (=m)'],
  ['CONFIG_LAB_INNER=5', { LAB: 'y', INNER: 'y', LAB_INNER: '3' }, 'LAB_INNER=3: PROMPTED (=n)'],
  ['CONFIG_LAB_INNER=77', { LAB: 'y', INNER: 'y', PROMPTED: 'y', LAB_INNER: '9' }, 'LAB_INNER=9: its dependencies hold; Kconfig made it 9'],
  ['CONFIG_FORCED=n', { LAB: 'y', X86: 'y', FORCED: 'y' }, 'FORCED=y: selected by X86 (=y) if LAB (=y) && !QUIET (=n)'],
  ['CONFIG_FORCED=y', { X86: 'y' }, 'FORCED=n: it has no prompt: only a select sets it, by X86 (=y) if LAB (=n) && !QUIET (=n)'],
  ['CONFIG_HIDDEN=y', {}, 'HIDDEN=n: it has no prompt and nothing selects it'],
  ['CONFIG_HIDDEN=n', { HIDDEN: 'y' }, 'HIDDEN=y: it has no prompt: its default sets it'],
  ['CONFIG_ONE=y', { CHOOSY: 'y', TWO: 'y' }, 'ONE=n: another member of its choice was taken'],
  ['CONFIG_LAB=m', { HAVE_PCI: 'y', LAB: 'y' }, 'LAB=y: MODULES (=n)'],
  ['CONFIG_ARM_ONLY=y', {}, 'ARM_ONLY=n: only Kconfig files of other architectures define it'],
])('%s with %j', async (asked, config, told) => {
  expect(await lost(asked, config)).toEqual([told])
})

test('a conditional depends asks only where its condition holds', () => {
  expect(parseKconfigFile('config A\n\tdepends on B if C\n')).toMatchObject([{ kind: 'config' }, { kind: 'depends', on: { kind: 'or', right: { kind: 'not' } } }])
})
