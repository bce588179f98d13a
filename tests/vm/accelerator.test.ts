import { afterAll, beforeAll, expect, it, vi } from 'vitest'
import { openTools } from '../../orchestrator/toolbox/open-tools.ts'
import { chooseAccelerator } from '../../orchestrator/vm/accelerator.ts'
import { runTinyGuest, type TinyGuestEnd } from '../../orchestrator/vm/tiny-guest.ts'
import { cacheDir } from '../../orchestrator/host/cache.ts'
import { temporaryDir } from '../lab-process.ts'

const live = new AbortController().signal
const silent = () => { /* a test has no terminal */ }
const stack = new AsyncDisposableStack()
afterAll(async () => {
  vi.unstubAllEnvs()
  await stack.disposeAsync()
})

let tools: Awaited<ReturnType<typeof openTools>>
let kvm: TinyGuestEnd
beforeAll(async () => {
  tools = stack.use(await openTools('toolbox', { notice: silent, signal: live }))
  kvm = await runTinyGuest('kvm', tools, live)
  // What this host was found to be before must not answer for it.
  const memory = stack.use(await temporaryDir())
  vi.stubEnv('VFIO_LAB_CACHE', memory.path)
  expect(cacheDir()).toBe(memory.path)
})

it('the tiny guest runs where guests run: under TCG', async () => {
  expect(await runTinyGuest('tcg', tools, live)).toEqual({ ran: true })
})

it('auto takes KVM when a guest runs under it, else TCG and says why', async () => {
  const notices: string[] = []
  const chosen = await chooseAccelerator('auto', tools, { notice: (text) => { notices.push(text) }, signal: live })
  expect(chosen.accel).toBe(kvm.ran ? 'kvm' : 'tcg')
  expect(notices.length).toBe(kvm.ran ? 0 : 1)
  if (!kvm.ran) expect(notices[0]).toContain(chosen.because)
})

it('kvm by name is kvm or a fault of the lab, never a hang', async () => {
  const startedAt = performance.now()
  const chosen: unknown = await chooseAccelerator('kvm', tools, { notice: silent, signal: live }).catch((error: unknown) => error)
  expect(performance.now() - startedAt).toBeLessThan(8000)
  expect(chosen).toMatchObject(kvm.ran ? { accel: 'kvm' } : { kind: 'lab', code: 'KVM_UNUSABLE' })
})
