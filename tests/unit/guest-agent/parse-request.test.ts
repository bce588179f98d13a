import fc from 'fast-check'
import { expect, test } from 'vitest'
import { parseRequest } from '../../../guest-agent/case/parse-request.ts'
import { edu, nvme, vfioUser, vfioUserDma } from '../../../orchestrator/machine/devices.ts'
import { machineFacts } from '../../../orchestrator/machine/machine-facts.ts'

const asked = (cell: object) => parseRequest(JSON.stringify({ run: { cases: [], cell: { config: {}, uapi: [], ...cell }, timeoutScale: 1 } }))

test('what is known of a machine is what the agent is told, whatever the machine', () => {
  const device = fc.constantFrom(edu(), edu({ dmaMask: 1n }), nvme(), vfioUserDma({ flr: false }), vfioUserDma(), vfioUser('/lab/adder.ts'))
  fc.assert(fc.property(fc.array(device, { maxLength: 6 }), (devices) => {
    const facts = machineFacts({ name: 'm', devices, memoryMiB: 512, cpus: 1, onRequest: false })
    expect(asked(facts)).toEqual({ run: { cases: [], cell: { config: {}, uapi: [], without: {}, vfioUserSlots: [], ...facts }, timeoutScale: 1 } })
  }))
})

test('a seed is told as it is', () => {
  expect(asked({ iommu: [], devices: [], topology: [], seed: 12345 })).toHaveProperty('run.cell.seed', 12345)
})

test.each([
  [{ seed: '1' }, 'cell.seed must be a whole number'],
  [{ seed: 1.5 }, 'cell.seed must be a whole number'],
  [{ vfioUserSlots: ['8'] }, 'cell.vfioUserSlots must be a list of numbers'],
  [{ without: { edu: ['wings'] } }, 'cell.without: wings is unknown'],
  [{ without: { eduu: [] } }, 'cell.without: eduu is unknown'],
])('%j is refused', (wrong, message) => {
  expect(() => asked({ iommu: [], devices: [], topology: [], ...wrong })).toThrow(message)
})
