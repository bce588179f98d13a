import { expect, test } from 'vitest'
import { sandboxed } from '../../../orchestrator/toolbox/sandbox.ts'

test('the program stands where programAt says', () => {
  const command = sandboxed('/usr/bin/bwrap', '/box', { program: 'make', args: ['-j2'] })
  expect(command.args.slice(command.programAt)).toEqual(['make', '-j2'])
  expect(command.args[command.programAt ?? 0]).toBe('make')
})

test('an inner folder that may be written lies over an outer one that may only be read', () => {
  const { args } = sandboxed('/usr/bin/bwrap', '/box', { program: 'true', args: [], write: ['/tree/obj'], read: ['/tree'] })
  expect(args.indexOf('/tree')).toBeGreaterThan(0)
  expect(args.indexOf('/tree')).toBeLessThan(args.indexOf('/tree/obj'))
})

test('the network is shared only when asked for', () => {
  expect(sandboxed('/usr/bin/bwrap', '/box', { program: 'true', args: [] }).args).not.toContain('--share-net')
  expect(sandboxed('/usr/bin/bwrap', '/box', { program: 'true', args: [], network: true }).args).toContain('--share-net')
})
