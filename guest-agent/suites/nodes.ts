import fs from 'node:fs'
import { defineCase, suite } from '../case/define-case.ts'
import { equal, expectErrno, ok } from '../case/expect.ts'
import type { CaseContext } from '../case/case-context.ts'
import type { PciDevice } from '../pci/pci-device.ts'
import { namesIn } from '../sys/text-file.ts'

const isNode = (path: string): boolean => fs.existsSync(path) && fs.statSync(path).isCharacterDevice()

const groupNodes = (): readonly string[] => namesIn('/dev/vfio').filter((name) => /^(noiommu-)?\d+$/.test(name))
const cdevNodes = (): readonly string[] => namesIn('/dev/vfio/devices')

/** Devices that are bound: those that bypass the IOMMU only in a kernel with noiommu mode. */
const boundDevices = (lab: CaseContext): readonly PciDevice[] => [...lab.devices(), ...(lab.config('VFIO_NOIOMMU') ? lab.bypassingDevices : [])]

/** The node that this cell must show for the group of a bound device. */
const expectedGroup = (lab: CaseContext, device: PciDevice): string => `${lab.translates(device) ? '' : 'noiommu-'}${device.groupNumber ?? '?'}`

export const nodes = suite('nodes', [
  defineCase({
    name: 'iommufd',
    title: '/dev/iommu is there in a kernel with IOMMUFD',
    needs: { config: ['IOMMUFD'] },
    covers: { ioctls: [], sources: ['drivers/iommu/iommufd/main.c'] },
    run: () => {
      ok(isNode('/dev/iommu'), '/dev/iommu must be a character device')
    },
  }),
  defineCase({
    name: 'no-iommufd',
    title: '/dev/iommu is not there in a kernel without IOMMUFD',
    needs: { config: ['!IOMMUFD'] },
    covers: { ioctls: [], sources: ['drivers/iommu/iommufd/main.c'] },
    run: () => {
      equal(fs.existsSync('/dev/iommu'), false, '/dev/iommu exists')
    },
  }),
  defineCase({
    name: 'container',
    title: '/dev/vfio/vfio is there with a container of VFIO or of iommufd',
    needs: { config: ['VFIO_CONTAINER|IOMMUFD_VFIO_CONTAINER'] },
    covers: { ioctls: [], sources: ['drivers/vfio/container.c', 'drivers/iommu/iommufd/main.c'] },
    run: () => {
      ok(isNode('/dev/vfio/vfio'), '/dev/vfio/vfio must be a character device')
    },
  }),
  defineCase({
    name: 'no-container',
    title: '/dev/vfio/vfio is not there in a kernel without a container',
    needs: { config: ['!VFIO_CONTAINER', '!IOMMUFD_VFIO_CONTAINER'] },
    covers: { ioctls: [], sources: ['drivers/vfio/container.c', 'drivers/iommu/iommufd/main.c'] },
    run: () => {
      equal(fs.existsSync('/dev/vfio/vfio'), false, '/dev/vfio/vfio exists')
    },
  }),
  defineCase({
    name: 'groups',
    title: 'every bound device has its group node, noiommu-N without an IOMMU, and there is no other',
    needs: { access: 'group', device: [] },
    covers: { ioctls: [], sources: ['drivers/vfio/group.c'] },
    run: (lab) => {
      const expected = new Set(boundDevices(lab).map((device) => expectedGroup(lab, device)))
      equal(groupNodes(), [...expected].sort(), 'group nodes in /dev/vfio')
    },
  }),
  defineCase({
    name: 'no-groups',
    title: 'a kernel without VFIO_GROUP shows no group node, although devices are bound',
    needs: { config: ['!VFIO_GROUP'], access: 'any' },
    covers: { ioctls: [], sources: ['drivers/vfio/group.c', 'drivers/vfio/vfio_main.c'] },
    run: (lab) => {
      equal(lab.device().driver, 'vfio-pci', 'driver of the device')
      equal(groupNodes(), [], 'group nodes in /dev/vfio')
    },
  }),
  defineCase({
    name: 'cdevs',
    title: 'every bound device has its cdev node, noiommu-vfioN without an IOMMU, and there is no other',
    needs: { access: 'cdev', device: [] },
    covers: { ioctls: [], sources: ['drivers/vfio/device_cdev.c', 'drivers/vfio/vfio_main.c'] },
    run: (lab) => {
      const withCdev = boundDevices(lab).filter((device) => lab.translates(device) || lab.config('IOMMUFD_NOIOMMU'))
      for (const device of withCdev) {
        const prefix = lab.translates(device) ? 'vfio' : 'noiommu-vfio'
        ok((device.vfioName ?? 'none').startsWith(prefix), `${device.toString()} must be named ${prefix}N: ${device.vfioName ?? 'none'}`)
      }
      equal(cdevNodes(), withCdev.map((device) => device.vfioName ?? 'none').sort(), 'nodes in /dev/vfio/devices')
    },
  }),
  defineCase({
    name: 'no-cdevs',
    title: 'a group-only noiommu device has no cdev node, for want of IOMMUFD_NOIOMMU',
    needs: { config: ['VFIO_DEVICE_CDEV', '!IOMMUFD_NOIOMMU'], iommu: 'none', access: 'group' },
    covers: { ioctls: [], sources: ['drivers/vfio/vfio.h', 'drivers/vfio/device_cdev.c'] },
    run: () => {
      equal(cdevNodes(), [], 'nodes in /dev/vfio/devices')
    },
  }),
  defineCase({
    name: 'come-and-go',
    title: 'the nodes of a device go when it is unbound and come back under the same driver when it is bound',
    needs: { access: 'any' },
    provokes: ['Adding kernel taint for vfio-noiommu (group|cdev)'],
    covers: { ioctls: [], sources: ['drivers/vfio/vfio_main.c', 'drivers/vfio/group.c', 'drivers/vfio/device_cdev.c'] },
    run: async (lab) => {
      const device = lab.device()
      const shown = [device.cdevNode, device.groupNode].filter((path) => path !== undefined)
      ok(shown.length > 0, `${device.toString()} must have a node`)
      lab.defer(() => { device.bind() })
      await device.unbind()
      for (const path of shown) equal(fs.existsSync(path), false, `${path} exists after the device was unbound`)
      equal(device.driver, undefined, 'driver after unbind')
      device.bind()
      const again = [device.cdevNode, device.groupNode].filter((path) => path !== undefined)
      equal(again.length, shown.length, 'number of nodes after the device was bound again')
    },
  }),
  defineCase({
    name: 'probe-refused',
    title: 'without an IOMMU and without noiommu mode vfio-pci refuses the device and no node appears',
    needs: { access: 'none' },
    covers: { ioctls: [], sources: ['drivers/vfio/vfio_main.c', 'drivers/vfio/group.c'] },
    run: (lab) => {
      const device = lab.device()
      expectErrno('EINVAL', () => { device.bind() })
      equal(device.driver, undefined, 'driver of the refused device')
      equal(groupNodes(), [], 'group nodes in /dev/vfio')
      equal(cdevNodes(), [], 'nodes in /dev/vfio/devices')
    },
  }),
])
