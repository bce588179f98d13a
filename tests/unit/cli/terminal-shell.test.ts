import { PassThrough } from 'node:stream'
import { expect, test } from 'vitest'
import { joinShell } from '../../../orchestrator/cli/terminal-shell.ts'
import type { VmDeath } from '../../../orchestrator/vm/running-vm.ts'
import { signalStatus } from '../../../orchestrator/vm/status-text.ts'

const never = new Promise<never>(() => undefined)

/** A shell that ends so, in a guest that dies so or not at all. */
const join = (status: number | undefined, death: Promise<VmDeath> = never) => {
  const [stdin, stdout, stderr] = [new PassThrough(), new PassThrough(), new PassThrough()]
  const shell = { stream: new PassThrough(), stderr: new PassThrough(), resize: () => undefined, ended: Promise.resolve(status) }
  return joinShell({ openShell: () => Promise.resolve(shell), death, console: ['last words'] }, { stdin, stdout, stderr, env: {} }, new AbortController().signal)
}

test('the status of the shell is given', async () => {
  expect(await join(7)).toBe(7)
})

test('a connection that breaks while the guest lives is an end, too', async () => {
  await expect(join(undefined)).rejects.toMatchObject({ kind: 'kernel', code: 'SHELL_LOST', tail: ['last words'] })
})

test('a connection that breaks because the guest died is told as that', async () => {
  await expect(join(undefined, Promise.resolve({ kind: 'kernel', because: 'it panicked' }))).rejects.toMatchObject({ code: 'GUEST_DIED', message: 'the guest died: it panicked' })
})

test('a shell that a signal ended has a status', () => {
  expect([signalStatus('SIGKILL'), signalStatus('SIGTERM'), signalStatus('SIGNOTHING'), signalStatus(undefined)]).toEqual([137, 143, 255, 255])
})
