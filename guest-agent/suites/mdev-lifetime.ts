import { defineCase, suite } from '../case/define-case.ts'
import { equal, expectErrno, ok, rejectsErrno } from '../case/expect.ts'
import { outcomeOf } from '../case/outcome-of.ts'
import { Mdev, mdevUuids } from '../mdev/mdev.ts'
import { freeUuid, MdevType, type MdevParent } from '../mdev/mdev-type.ts'
import { createMdev, openNewMdev } from '../mdev/open-mdev.ts'
import { namesIn, writeText } from '../sys/text-file.ts'
import { VFIO } from '../uapi/vfio.ts'

const ALL = ['SAMPLE_VFIO_MDEV_MTTY', 'SAMPLE_VFIO_MDEV_MDPY', 'SAMPLE_VFIO_MDEV_MBOCHS']
const MTTY = ['SAMPLE_VFIO_MDEV_MTTY']
const MDEV = ['drivers/vfio/mdev/mdev_core.c', 'drivers/vfio/mdev/mdev_sysfs.c', 'drivers/vfio/mdev/mdev_driver.c']

/** The types that each parent tells of; one of them, and how many of it there can be. */
const PARENTS: readonly { readonly parent: MdevParent; readonly types: readonly string[]; readonly type: string; readonly most: number; readonly full: string }[] = [
  { parent: 'mtty', types: ['mtty-1', 'mtty-2'], type: 'mtty-2', most: 12, full: 'ENOSPC' },
  { parent: 'mdpy', types: ['mdpy-hd', 'mdpy-vga', 'mdpy-xga'], type: 'mdpy-vga', most: 4, full: 'EUSERS' },
  { parent: 'mbochs', types: ['mbochs-large', 'mbochs-medium', 'mbochs-small'], type: 'mbochs-large', most: 4, full: 'ENOSPC' },
]

const types = defineCase({
  name: 'types',
  title: 'every parent tells its types, each with its name, its interface and how many there can be',
  needs: { config: ALL },
  covers: { ioctls: [], sources: MDEV },
  run: () => {
    for (const { parent, types: expected, type, most } of PARENTS) {
      const all = MdevType.of(parent)
      equal(all.map(({ name }) => name), [...expected], `types of ${parent}`)
      for (const each of all) {
        equal(each.deviceApi, 'vfio-pci', `interface of ${each.name}`)
        ok(each.attribute('name') !== '', `${each.name} must have a name`)
        ok(each.available > 0, `there must be room for a ${each.name}`)
        equal(each.devices, [], `devices of ${each.name}`)
      }
      equal(new MdevType(parent, type).available, most, `room for ${type}`)
    }
  },
})

const comeAndGo = defineCase({
  name: 'come-and-go',
  title: 'a device has its driver, its type and a node for each door as soon as it is made, and nothing of it is left when it is removed',
  needs: { config: ALL },
  covers: { ioctls: [], sources: [...MDEV, 'drivers/vfio/group.c', 'drivers/vfio/device_cdev.c'] },
  run: async (lab) => {
    const nodes = (): readonly string[] => [...namesIn('/dev/vfio'), ...namesIn('/dev/vfio/devices')]
    const before = nodes()
    for (const { parent, type: name } of PARENTS) {
      const type = new MdevType(parent, name)
      const room = type.available
      const mdev = lab.use(type.create())
      equal(mdev.driver, parent, `driver of a ${name}`)
      equal(mdev.type, name, 'its type')
      equal(type.devices, [mdev.uuid], `devices of ${name}`)
      equal(mdev.groupNode !== undefined, lab.config('VFIO_GROUP'), `a ${name} has a group node`)
      equal(mdev.cdevNode !== undefined, lab.config('VFIO_DEVICE_CDEV'), `a ${name} has a cdev node`)
      equal(type.available, room - 1, `room for ${name} with one made`)
      await mdev.remove()
      equal(mdev.exists, false, `the removed ${name} is there`)
      equal(type.devices, [], `devices of ${name} after it was removed`)
      equal(type.available, room, `room for ${name} after it was removed`)
      equal(nodes(), before, `nodes in /dev/vfio after the ${name} was removed`)
    }
  },
})

const refusals = defineCase({
  name: 'create-refusals',
  title: 'what is no uuid is EINVAL, one that a device has already is EEXIST whatever its parent, and nothing is made',
  needs: { config: ALL },
  covers: { ioctls: [], sources: MDEV },
  run: async (lab) => {
    const type = new MdevType('mtty', 'mtty-1')
    const mdev = lab.use(type.create())
    const uuid = freeUuid()
    for (const text of ['1', uuid.slice(1), `${uuid}00`, `${uuid.slice(0, -1)}x`, uuid.replaceAll('-', '0'), `{${uuid}}`]) {
      expectErrno('EINVAL', () => type.create(text))
    }
    for (const other of [type, new MdevType('mtty', 'mtty-2'), new MdevType('mdpy', 'mdpy-vga'), new MdevType('mbochs', 'mbochs-small')]) {
      expectErrno('EEXIST', () => other.create(mdev.uuid))
      expectErrno('EEXIST', () => other.create(mdev.uuid.toUpperCase()))
    }
    equal(mdevUuids(), [mdev.uuid], 'devices after all refusals')
    // The newline that a shell's echo adds is no part of it.
    const second = lab.use(type.create(`${uuid}\n`))
    equal(new Mdev(uuid).exists, true, `mdev ${uuid} is there`)
    for (const text of ['x', '-', '1x']) await rejectsErrno('EINVAL', () => mdev.writeRemove(text))
    await mdev.writeRemove('0')
    equal(mdev.exists, true, 'a device that was told 0 is still there')
    await Promise.all([mdev.remove(), new Mdev(uuid).remove()])
    await rejectsErrno('ENOENT', () => second.remove())
  },
})

const tooLong = defineCase({
  name: 'create-one-more-character',
  title: 'a uuid with one more character behind it, which is no newline, is no uuid: EINVAL, and nothing is made',
  needs: { config: MTTY },
  covers: { ioctls: [], sources: MDEV },
  run: (lab) => {
    const type = new MdevType('mtty', 'mtty-1')
    const mdev = lab.use(new Mdev(freeUuid()))
    for (const more of ['x', '0', ' ', '-']) expectErrno('EINVAL', () => type.create(`${mdev.uuid}${more}`))
    equal(mdev.exists, false, 'a device was made')
  },
})

const limit = defineCase({
  name: 'limit',
  title: 'as many devices as the parent told can be made, one more is refused, and a removed one makes room again',
  needs: { config: ALL },
  timeoutMs: 15_000,
  covers: { ioctls: [], sources: [...MDEV, 'drivers/vfio/vfio_main.c'] },
  run: async (lab) => {
    for (const { parent, type: name, most, full } of PARENTS) {
      const type = new MdevType(parent, name)
      const made = Array.from({ length: most }, () => lab.use(type.create()))
      equal(type.available, 0, `room for ${name} with ${most} made`)
      for (let round = 0; round < 3; round += 1) expectErrno(full, () => type.create())
      equal(type.devices.length, most, `devices of ${name} after one was refused`)
      const [first] = made
      await first?.remove()
      equal(type.available, 1, `room for ${name} after one was removed`)
      lab.use(type.create())
      await Promise.all(type.devices.map((uuid) => new Mdev(uuid).remove()))
      equal(type.available, most, `room for ${name} after all were removed`)
    }
  },
})

const races = defineCase({
  name: 'at-once',
  title: 'of several that make one device at once a single one succeeds, and those that remove it at once take it away once',
  needs: { config: MTTY },
  covers: { ioctls: [], sources: MDEV },
  run: async (lab) => {
    const type = new MdevType('mtty', 'mtty-1')
    const room = type.available
    for (let round = 0; round < 8; round += 1) {
      const uuid = freeUuid()
      const mdev = lab.use(new Mdev(uuid))
      const made = await Promise.allSettled(Array.from({ length: 4 }, () => type.createAside(uuid)))
      equal(made.filter(({ status }) => status === 'fulfilled').length, 1, 'how many made the device')
      await Promise.allSettled(Array.from({ length: 4 }, () => mdev.remove()))
      equal(mdev.exists, false, 'the removed device is there')
    }
    equal(type.available, room, 'room after all rounds')
  },
})

const unbind = defineCase({
  name: 'driver-unbound',
  title: 'a device whose driver was unbound has no node, is bound to no driver by asking (ENODEV), and can be removed',
  needs: { config: MTTY },
  covers: { ioctls: [], sources: [...MDEV, 'drivers/vfio/vfio_main.c'] },
  run: async (lab) => {
    const mdev = createMdev(lab, 'mtty', '1')
    writeText('/sys/bus/mdev/drivers/mtty/unbind', mdev.uuid)
    equal([mdev.driver, mdev.cdevNode, mdev.groupNode], [undefined, undefined, undefined], 'driver and nodes of the unbound device')
    expectErrno('ENODEV', () => { writeText('/sys/bus/mdev/drivers/mtty/bind', mdev.uuid) })
    expectErrno('EEXIST', () => new MdevType('mtty', 'mtty-1').create(mdev.uuid))
    await mdev.remove()
    equal(mdev.exists, false, 'the removed device is there')
  },
})

const regions = defineCase({
  name: 'told-as-pci',
  title: 'every sample says that it is a PCI device, shows its ids in config space, and knows no region or interrupt beyond its own',
  needs: { config: [...ALL, 'VFIO_DEVICE_CDEV|VFIO_GROUP'] },
  covers: { ioctls: ['VFIO_DEVICE_GET_INFO', 'VFIO_DEVICE_GET_REGION_INFO', 'VFIO_DEVICE_GET_IRQ_INFO'], sources: ['drivers/vfio/vfio_main.c'] },
  run: (lab) => {
    const samples = [['mtty', '1', 0x3253_4348], ['mdpy', 'vga', 0x000f_1b36], ['mbochs', 'small', 0x1111_1234]] as const
    for (const [parent, type, id] of samples) {
      const device = openNewMdev(lab, parent, type)
      const { flags, irqs } = device.info()
      equal(flags & VFIO.VFIO_DEVICE_FLAGS_PCI, VFIO.VFIO_DEVICE_FLAGS_PCI, `${parent}: PCI flag`)
      equal(irqs, VFIO.VFIO_PCI_NUM_IRQS, `${parent}: number of interrupts`)
      equal(device.read(VFIO.VFIO_PCI_CONFIG_REGION_INDEX, 0, 4), id, `${parent}: device and vendor`)
      // What is written to a BAR to learn its size comes back as the size.
      device.write(VFIO.VFIO_PCI_CONFIG_REGION_INDEX, 0x10, 4, 0xffff_ffff)
      const size = device.regionInfo(VFIO.VFIO_PCI_BAR0_REGION_INDEX).size
      const told = device.read(VFIO.VFIO_PCI_CONFIG_REGION_INDEX, 0x10, 4)
      equal(-(told & ((told & 1) === 1 ? ~3 : ~15)) >>> 0, size, `${parent}: size of BAR 0 by its register`)
      for (const index of [10, 15, 17, 0xffff_ffff]) expectErrno('EINVAL', () => device.regionInfo(index))
      for (const index of [VFIO.VFIO_PCI_NUM_IRQS, 0xffff_ffff]) expectErrno('EINVAL', () => device.irqInfo(index))
      equal(outcomeOf(() => device.read(9, 0x20_0000, 4)), 'EFAULT', `${parent}: a read outside of every region`)
    }
  },
})

export const mdevLifetime = suite('mdev-lifetime', [types, comeAndGo, refusals, tooLong, limit, races, unbind, regions])
