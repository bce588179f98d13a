import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, expect, test } from 'vitest'
import { REFUSALS } from '../../orchestrator/coverage/refusals.ts'
import { openKernelSource } from '../../orchestrator/kernel/kernel-source.ts'
import { openTools } from '../../orchestrator/toolbox/open-tools.ts'

const stack = new AsyncDisposableStack()
const { signal } = new AbortController()
const silent = () => undefined
afterAll(() => stack.disposeAsync())

/** Does the file define it: as a function, as a macro, or as something that a macro makes? */
const defines = (text: string, name: string): boolean =>
  new RegExp(`^(?:(?!return|else|\\s)[^\\n;]*[\\s*])?${name}\\s*\\(|^#define\\s+${name}\\b|\\(\\s*${name}\\s*,`, 'm').test(text)

test('every function that the table of refusals names is in the newest kernel, in the file that it says', async () => {
  const tools = stack.use(await openTools('toolbox', { notice: silent, signal }))
  const opened = await openKernelSource({ kind: 'debian', packageGlob: 'linux-source-*' }, { tools, signal, notice: silent, onText: silent })
  const { slot: { tree } } = stack.use(await opened.prepare([]))
  const texts = new Map<string, Promise<string>>()
  const textOf = (file: string) => {
    const text = texts.get(file) ?? readFile(join(tree, file), 'utf8').catch(() => '')
    texts.set(file, text)
    return text
  }
  const gone = new Set<string>()
  for (const refusal of Object.values(REFUSALS).flat()) {
    const places = [refusal.at].flat()
    const found = await Promise.all(places.map(async (place) => {
      const [file = '', name = ''] = place.split(':')
      return defines(await textOf(file), name)
    }))
    if (!found.some(Boolean)) gone.add(places.join(' or '))
  }
  expect([...gone]).toEqual([])
  expect(texts.size).toBeGreaterThan(20)
})
