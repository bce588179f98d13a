import { expect, test } from 'vitest'
import { hotPlug } from '../../../orchestrator/vm/hot-plug.ts'
import type { Qmp } from '../../../orchestrator/vm/qmp.ts'

const open = (answer: unknown = '') => {
  const asked: string[] = []
  const qmp: Qmp = {
    execute: (command, args = {}) => {
      asked.push([command, ...Object.values(args)].join(' '))
      return Promise.resolve(answer)
    },
    [Symbol.dispose]: () => undefined,
  }
  return { asked, qmp, plugging: hotPlug([{ id: 'device0', value: 'edu,id=device0,bus=port0' }], 20) }
}
const GONE = { event: 'DEVICE_DELETED', data: { device: 'device0' } }
const PLUG = 'human-monitor-command device_add edu,id=device0,bus=port0'

test('a device comes, goes, and comes again when QEMU has forgotten it', async () => {
  const { asked, qmp, plugging } = open()
  await plugging.plug(0, qmp)
  await plugging.unplug(0, qmp)
  const again = plugging.plug(0, qmp)
  expect(asked).toEqual([PLUG, 'device_del device0'])
  plugging.event(GONE)
  await again
  await plugging.unplug(0, qmp)
  expect(asked).toEqual([PLUG, 'device_del device0', PLUG, 'device_del device0'])
})

test('a guest that was asked already is not asked again', async () => {
  const { asked, qmp, plugging } = open()
  await plugging.plug(0, qmp)
  await plugging.unplug(0, qmp)
  await plugging.unplug(0, qmp)
  expect(asked).toEqual([PLUG, 'device_del device0'])
})

test('what the guest took the power from is out, and QEMU is not asked for it', async () => {
  const { asked, qmp, plugging } = open()
  await plugging.plug(0, qmp)
  plugging.event(GONE)
  await plugging.unplug(0, qmp)
  expect(asked).toEqual([PLUG])
})

test('a guest that does not let go is the kernel\'s fault', async () => {
  const { qmp, plugging } = open()
  await plugging.plug(0, qmp)
  await plugging.unplug(0, qmp)
  await expect(plugging.plug(0, qmp)).rejects.toMatchObject({ kind: 'kernel', code: 'STILL_PLUGGED' })
})

test('what QEMU refuses, and a device that there is not, are the lab\'s', async () => {
  const { qmp, plugging } = open('Error: Bus \'port0\' not found\n')
  await expect(plugging.plug(0, qmp)).rejects.toMatchObject({ kind: 'lab', code: 'QMP_FAILED' })
  await expect(plugging.plug(1, qmp)).rejects.toMatchObject({ kind: 'lab', code: 'AGENT_OUTPUT_INVALID' })
})
