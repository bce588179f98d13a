import fs from 'node:fs'
import { defineCase, suite } from '../case/define-case.ts'
import { equal } from '../case/expect.ts'
import type { CaseContext } from '../case/case-context.ts'
import { createMdev } from '../mdev/open-mdev.ts'
import { DEBUGFS, mountDebugfs } from '../sys/debugfs.ts'
import { readText } from '../sys/text-file.ts'

const NEEDS = { config: ['VFIO_DEBUGFS'], access: 'any' } as const
const SOURCES = ['drivers/vfio/debugfs.c', 'drivers/vfio/vfio_main.c']

const isShown = (name: string): boolean => fs.existsSync(`${DEBUGFS}/vfio/${name}`)

const folder = defineCase({
  name: 'comes-and-goes',
  title: 'every bound device has its folder in debugfs, with an IOMMU or without, as long as the driver has it',
  needs: { ...NEEDS, device: [] },
  covers: { ioctls: [], sources: SOURCES },
  provokes: ['Adding kernel taint for vfio-noiommu'],
  run: async (lab: CaseContext) => {
    mountDebugfs()
    for (const device of lab.devices()) equal(isShown(device.bdf), true, `${device.toString()} has a folder in debugfs`)
    const device = lab.device()
    lab.defer(() => { device.bind() })
    await device.unbind()
    equal(isShown(device.bdf), false, `${device.toString()}, unbound, has a folder in debugfs`)
    device.bind()
    equal(isShown(device.bdf), true, `${device.toString()}, bound again, has a folder in debugfs`)
  },
})

const migration = defineCase({
  name: 'migration',
  title: 'the folder of a device that can migrate tells its state, one that cannot has none to tell',
  needs: { config: ['VFIO_DEBUGFS', 'SAMPLE_VFIO_MDEV_MTTY', 'SAMPLE_VFIO_MDEV_MDPY', 'VFIO_DEVICE_CDEV|VFIO_GROUP'] },
  covers: { ioctls: [], sources: SOURCES },
  run: (lab) => {
    mountDebugfs()
    const [mtty, mdpy] = [createMdev(lab, 'mtty', '1'), createMdev(lab, 'mdpy', 'vga')]
    equal(readText(`${DEBUGFS}/vfio/${mtty.uuid}/migration/state`), 'RUNNING', 'state of an mtty')
    equal([isShown(mdpy.uuid), isShown(`${mdpy.uuid}/migration`)], [true, false], 'the folder of an mdpy, and one of its migration')
  },
})

export const deviceDebugfs = suite('device-debugfs', [folder, migration])
