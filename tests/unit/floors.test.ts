import { Linter } from 'eslint'
import { join, resolve } from 'node:path'
import tseslint from 'typescript-eslint'
import { describe, expect, test } from 'vitest'
import config from '../../eslint.config.ts'

const PROJECT = resolve(import.meta.dirname, '../..')

/** The house as the design has it, from the top. */
const FLOORS = [['cli'], ['report'], ['bisect'], ['run'], ['coverage'], ['verdict'], ['plan'], ['qemu'], ['config', 'kernel', 'vm', 'image'], ['machine', 'toolbox'], ['host']] as const
const FOLDERS = FLOORS.flat()
const levelOf = (folder: string) => FLOORS.findIndex((floor) => floor.some((name) => name === folder))

const linter = new Linter({ cwd: PROJECT })
const RULE = 'no-restricted-imports'
const rules = config.filter((entry) => entry.rules !== undefined && RULE in entry.rules)
const parser = { files: ['**/*.ts'], languageOptions: { parser: tseslint.parser } }

/** Whether the project's lint refuses this line in this file. */
const refused = (file: string, line: string): boolean => {
  const messages = linter.verify(line, [parser, ...rules], join(PROJECT, file))
  expect(messages.filter(({ ruleId }) => ruleId !== RULE)).toEqual([])
  return messages.length > 0
}

describe('an import', () => {
  test.each(FOLDERS.flatMap((from) => FOLDERS.filter((to) => to !== from).map((to) => [from, to] as const)))('from %s to %s goes down or is refused', (from, to) => {
    const down = levelOf(to) > levelOf(from)
    expect(refused(`orchestrator/${from}/some-file.ts`, `import { x } from '../${to}/other.ts'\nx()`)).toBe(!down)
    expect(refused(`orchestrator/${from}/some-file.ts`, `export { x } from '../${to}/other.ts'`)).toBe(!down)
    expect(refused(`orchestrator/${from}/some-file.ts`, `import type { X } from '../${to}/other.ts'\nexport type Y = X`)).toBe(!down)
  })

  test.each(FOLDERS)('of %s reaches the protocol of the agent and nothing else of it', (folder) => {
    expect(refused(`orchestrator/${folder}/some-file.ts`, 'import { x } from \'../../guest-agent/protocol.ts\'\nx()')).toBe(false)
    expect(refused(`orchestrator/${folder}/some-file.ts`, 'import { x } from \'../../guest-agent/suites/index.ts\'\nx()')).toBe(true)
  })

  test.each(FOLDERS)('of %s reaches the options of the programmable device and nothing else of the programs in images/', (folder) => {
    expect(refused(`orchestrator/${folder}/some-file.ts`, 'import { x } from \'../../images/devices/vfio-user-dma/options.ts\'\nx()')).toBe(false)
    expect(refused(`orchestrator/${folder}/some-file.ts`, 'import { x } from \'../../images/devices/vfio-user/serve.ts\'\nx()')).toBe(true)
  })

  test('of the agent never reaches the orchestrator', () => {
    expect(refused('guest-agent/case/some-file.ts', 'import { x } from \'../../orchestrator/host/errors.ts\'\nx()')).toBe(true)
    expect(refused('guest-agent/case/some-file.ts', 'import { x } from \'../protocol.ts\'\nx()')).toBe(false)
  })
})
