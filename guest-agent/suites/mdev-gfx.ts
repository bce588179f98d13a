import { defineCase, suite } from '../case/define-case.ts'
import { equal, expectErrno, Failed, ok } from '../case/expect.ts'
import { dmaBufSize, gfxDmaBuf, PLANE_CURSOR, PLANE_PRIMARY, probeGfxPlane, queryGfxPlane, XRGB8888 } from '../mdev/gfx-plane.ts'
import { displayIdentity, hide, showMode, shownPlane } from '../mdev/mbochs.ts'
import { ANY_DOOR, bindMdev, createMdev, openNewMdev } from '../mdev/open-mdev.ts'
import { ioctl } from '../sys/ioctl.ts'
import { Memory, PAGE_SIZE, Registers } from '../sys/memory.ts'
import { VFIO, vfioStructs } from '../uapi/vfio.ts'

const { VFIO_GFX_PLANE_TYPE_PROBE: PROBE, VFIO_GFX_PLANE_TYPE_DMABUF: DMABUF, VFIO_GFX_PLANE_TYPE_REGION: REGION, VFIO_PCI_BAR0_REGION_INDEX: BAR } = VFIO
const MDPY = { config: ['SAMPLE_VFIO_MDEV_MDPY', ANY_DOOR] }
const MBOCHS = { config: ['SAMPLE_VFIO_MDEV_MBOCHS', ANY_DOOR] }
const QUERY = ['VFIO_DEVICE_QUERY_GFX_PLANE']
const MAIN = ['drivers/vfio/vfio_main.c']
/** All that can be put into the flags of a question but what is allowed. */
const wrongFlags = (type: number): readonly number[] => {
  const other = type === REGION ? DMABUF : REGION
  return [0, PROBE, other, PROBE | other, REGION | DMABUF, PROBE | REGION | DMABUF, type | 8, PROBE | type | 8, 0x8000_0000 | type].map((flags) => flags >>> 0)
}

const region = defineCase({
  name: 'region-plane',
  title: 'each mdpy shows its picture in a region of the size it tells: format, lines, and as many bytes as it says',
  needs: MDPY,
  covers: { ioctls: [...QUERY, 'VFIO_DEVICE_GET_REGION_INFO'], sources: MAIN },
  run: (lab) => {
    for (const [type, width, height] of [['vga', 640, 480], ['xga', 1024, 768], ['hd', 1920, 1080]] as const) {
      const device = openNewMdev(lab, 'mdpy', type)
      probeGfxPlane(device, REGION)
      const plane = queryGfxPlane(device, REGION)
      const { format, stride, size, where } = plane
      equal({ format, width: plane.width, height: plane.height, stride }, { format: XRGB8888, width, height, stride: 4 * width }, `plane of mdpy-${type}`)
      ok(size >= stride * height, `a picture of ${stride * height} bytes in ${size}`)
      const shown = device.regionInfo(where)
      equal(shown.size, size, 'size of the region that has the picture')
      equal(shown.flags & VFIO.VFIO_REGION_INFO_FLAG_MMAP, VFIO.VFIO_REGION_INFO_FLAG_MMAP, 'the region of the picture can be mapped')
      equal(device.regionInfo(BAR).offset, shown.offset, 'the picture is BAR 0')
    }
  },
})

const picture = defineCase({
  name: 'region-mmap',
  title: 'the picture is mapped, keeps what is drawn, for every mapping of it, and is the gradient of a new device after a reset',
  needs: MDPY,
  covers: { ioctls: [...QUERY, 'VFIO_DEVICE_RESET'], sources: MAIN },
  run: (lab) => {
    const device = openNewMdev(lab, 'mdpy', 'vga')
    const { where, stride, height, size } = queryGfxPlane(device, REGION)
    const [pixels, again] = [lab.use(device.mmap(where)), lab.use(device.mmap(BAR))]
    const isGradient = (): void => {
      for (const line of [0, 1, 17, height >> 1, height - 1]) {
        const grey = Math.floor((line * 255) / height)
        for (const at of [0, stride - 1]) equal(pixels.read8(line * stride + at), grey, `byte ${at} of line ${line}`)
      }
    }
    isGradient()
    pixels.write32(0, 0x0011_2233)
    pixels.write32(size - 4, 0x0044_5566)
    equal([again.read32(0), again.read32(size - 4)], [0x0011_2233, 0x0044_5566], 'what was drawn, in the other mapping')
    // mdpy of Linux 7.3 reads and writes the first pixel whatever the offset: only that one is asked for.
    equal(device.read(BAR, 0, 4), 0x0011_2233, 'the first pixel by read(2)')
    device.write(BAR, 0, 4, 0x0077_8899)
    equal(pixels.read32(0), 0x0077_8899, 'the first pixel after write(2)')
    for (const line of [height >> 1, height - 1]) pixels.write32(line * stride, 0)
    device.reset()
    isGradient()
  },
})

const mapRefusals = defineCase({
  name: 'region-mmap-refusals',
  title: 'a mapping that is longer than the picture or begins somewhere else is EINVAL',
  needs: MDPY,
  covers: { ioctls: [], sources: MAIN },
  run: (lab) => {
    const device = openNewMdev(lab, 'mdpy', 'vga')
    const { size, offset } = device.regionInfo(BAR)
    expectErrno('EINVAL', () => device.mmap(BAR, { length: size + PAGE_SIZE }))
    for (const place of [0n, offset + BigInt(PAGE_SIZE), 1n << 40n]) expectErrno('EINVAL', () => Registers.ofRegion(device.fd, place, PAGE_SIZE, 'no region'))
    lab.use(device.mmap(BAR, { length: PAGE_SIZE }))
  },
})

const refusals = defineCase({
  name: 'query-refusals',
  title: 'a short argsz, memory that is none, and every other flag than the way that the device has are refused; the probe tells that way',
  needs: { config: ['SAMPLE_VFIO_MDEV_MDPY', 'SAMPLE_VFIO_MDEV_MBOCHS', ANY_DOOR] },
  covers: { ioctls: QUERY, sources: MAIN },
  run: (lab) => {
    const constant = lab.use(Memory.readOnly(PAGE_SIZE))
    for (const [device, type] of [[openNewMdev(lab, 'mdpy', 'vga'), REGION], [openNewMdev(lab, 'mbochs', 'small'), DMABUF]] as const) {
      const query = (values: Parameters<typeof vfioStructs.deviceGfxPlaneInfo.make>[0]) =>
        device.ioctl('VFIO_DEVICE_QUERY_GFX_PLANE', vfioStructs.deviceGfxPlaneInfo.make(values))
      probeGfxPlane(device, type)
      for (const flags of wrongFlags(type)) expectErrno('EINVAL', () => query({ flags, drm_plane_type: PLANE_PRIMARY }))
      for (const argsz of [0, 8, 56]) expectErrno('EINVAL', () => query({ argsz, flags: PROBE | type }))
      expectErrno('EFAULT', () => ioctl(device.fd, 'VFIO_DEVICE_QUERY_GFX_PLANE', 0n))
      // All zero: no length.
      expectErrno('EINVAL', () => ioctl(device.fd, 'VFIO_DEVICE_QUERY_GFX_PLANE', constant.address))
    }
  },
})

const absent = defineCase({
  name: 'absent',
  title: 'a device without a picture has no plane, one with a region has no dma-buf (ENOTTY)',
  needs: { config: ['SAMPLE_VFIO_MDEV_MDPY', 'SAMPLE_VFIO_MDEV_MTTY', ANY_DOOR] },
  covers: { ioctls: [...QUERY, 'VFIO_DEVICE_GET_GFX_DMABUF'], sources: MAIN },
  run: (lab) => {
    const serial = openNewMdev(lab, 'mtty', '1')
    for (const type of [REGION, DMABUF]) expectErrno('ENOTTY', () => { probeGfxPlane(serial, type) })
    for (const device of [serial, openNewMdev(lab, 'mdpy', 'vga')]) expectErrno('ENOTTY', () => gfxDmaBuf(device, 1))
  },
})

const disabled = defineCase({
  name: 'plane-off',
  title: 'a display that is off, or cannot show what it was told, and a plane that it has not, answer with no format and no size',
  needs: MBOCHS,
  covers: { ioctls: QUERY, sources: MAIN },
  run: (lab) => {
    const device = openNewMdev(lab, 'mbochs', 'small')
    const isOff = (why: string, plane = PLANE_PRIMARY): void => {
      const { format, width, height, size } = queryGfxPlane(device, DMABUF, plane)
      equal([format, width, height, size], [0, 0, 0, 0], `format, width, height and size: ${why}`)
    }
    equal(displayIdentity(device), [0xb0c5, 64], 'identity and memory of the display')
    isOff('a new display')
    // Too small, too deep for its 4 MiB, in colours that it has not.
    for (const mode of [{ width: 63, height: 480 }, { width: 640, height: 63 }, { width: 1280, height: 1024 }, { width: 800, height: 600, y: 800 }, { width: 640, height: 480, bitsPerPixel: 16 }]) {
      showMode(device, mode)
      isOff(`${mode.width}x${mode.height}`)
    }
    showMode(device, { width: 640, height: 480 })
    equal(shownPlane(device).width, 640, 'width of what is shown')
    isOff('a cursor', PLANE_CURSOR)
    hide(device)
    isOff('a display that was switched off')
    device.reset()
    equal(displayIdentity(device), [0xb0c5, 64], 'identity and memory after a reset')
  },
})

const dmaBuf = defineCase({
  name: 'dma-buf',
  title: 'what mbochs shows is told as a plane, from whatever line on, and given as a dma-buf of that size',
  needs: MBOCHS,
  covers: { ioctls: [...QUERY, 'VFIO_DEVICE_GET_GFX_DMABUF'], sources: MAIN },
  run: (lab) => {
    const device = openNewMdev(lab, 'mbochs', 'small')
    // Lines of 4 KiB, so that every line begins a page. A mode is shown before another is forgotten: each has its own buffer.
    const modes = [{ width: 1024, height: 768, y: 0 }, { width: 1024, height: 768, y: 10 }, { width: 1024, height: 64, y: 0 }]
    const ids = modes.map((mode) => {
      showMode(device, mode)
      const { where: id, ...shown } = shownPlane(device)
      equal(shown, { format: XRGB8888, width: mode.width, height: mode.height, stride: 4096, size: 4096 * mode.height }, `plane of ${mode.height} lines from ${mode.y} on`)
      equal(shownPlane(device).where, id, 'id of the same picture')
      return id
    })
    equal(new Set(ids).size, modes.length, 'number of buffers')
    modes.forEach((mode, index) => {
      equal(dmaBufSize(lab.use(gfxDmaBuf(device, ids[index] ?? 0))), 4096 * mode.height, `bytes of the dma-buf of ${mode.height} lines`)
      showMode(device, mode)
      equal(shownPlane(device).where, ids[index], 'id of the picture that has a dma-buf')
    })
  },
})

const barByRead = defineCase({
  name: 'bar-read-write',
  title: 'the memory of mbochs keeps what is written to it by write(2), in bytes, words and pieces, until the device is closed',
  needs: { config: ['SAMPLE_VFIO_MDEV_MBOCHS', 'VFIO_DEVICE_CDEV'] },
  covers: { ioctls: ['VFIO_DEVICE_GET_REGION_INFO'], sources: MAIN },
  run: (lab) => {
    const mdev = createMdev(lab, 'mbochs', 'small')
    const { cdev: device, iommu } = bindMdev(lab, mdev)
    // mbochs of Linux 7.3 reads and writes two pages further on than it maps, at the end of the BAR beyond its memory: neither is tried here.
    const piece = Uint8Array.from({ length: 37 }, (_, index) => index + 1)
    for (const at of [0, 5 * PAGE_SIZE, 1 << 20]) {
      equal(device.read(BAR, at, 4), 0, 'a word of new memory')
      device.write(BAR, at, 1, 0x12)
      device.write(BAR, at + 2, 2, 0x3456)
      equal(device.read(BAR, at, 4), 0x3456_0012, 'a word after a byte and a half of it were written')
      device.writeBytes(BAR, at + 101, piece)
      equal([...device.readBytes(BAR, at + 101, piece.byteLength)], [...piece], 'a piece read back')
      // Across the border of two pages.
      device.writeBytes(BAR, at + PAGE_SIZE - 5, piece)
      equal([...device.readBytes(BAR, at + PAGE_SIZE - 5, piece.byteLength)], [...piece], 'a piece in two pages')
    }
    device.close()
    const { cdev: again } = bindMdev(lab, mdev, iommu)
    equal(again.read(BAR, 0, 4), 0, 'a word of the reopened device')
  },
})

const oneMemory = defineCase({
  name: 'bar-one-memory',
  title: 'the memory of mbochs is the same by read(2) and write(2) as where it is mapped',
  needs: MBOCHS,
  covers: { ioctls: ['VFIO_DEVICE_GET_REGION_INFO'], sources: MAIN },
  run: (lab) => {
    const device = openNewMdev(lab, 'mbochs', 'small')
    const mapped = lab.use(device.mmap(BAR))
    const pages = [0, 1, 2, 7, 100]
    for (const page of pages) mapped.write32(page * PAGE_SIZE, page + 1)
    equal(pages.map((page) => device.read(BAR, page * PAGE_SIZE, 4)), pages.map((page) => page + 1), 'what was written where it is mapped, by read(2)')
  },
})

const dmaBufRefusals = defineCase({
  name: 'dma-buf-refusals',
  title: 'an id that no picture has is ENOENT, a picture that begins within a page EINVAL, and an id that cannot be read EFAULT',
  needs: MBOCHS,
  covers: { ioctls: ['VFIO_DEVICE_GET_GFX_DMABUF'], sources: MAIN },
  provokes: ['framebuffer not page-aligned'],
  run: (lab) => {
    const device = openNewMdev(lab, 'mbochs', 'small')
    for (const id of [0, 1, -1]) expectErrno('ENOENT', () => gfxDmaBuf(device, id))
    expectErrno('EFAULT', () => ioctl(device.fd, 'VFIO_DEVICE_GET_GFX_DMABUF', 0n))
    showMode(device, { width: 640, height: 480, x: 1 })
    const { where } = shownPlane(device)
    for (let round = 0; round < 2; round += 1) expectErrno('EINVAL', () => gfxDmaBuf(device, where))
    expectErrno('ENOENT', () => gfxDmaBuf(device, where + 1))
    showMode(device, { width: 640, height: 480 })
    lab.use(gfxDmaBuf(device, shownPlane(device).where))
  },
})

const outlives = defineCase({
  name: 'dma-buf-outlives',
  title: 'a dma-buf is there after the device was closed, and can be closed later; the reopened device has new memory and knows no buffer',
  needs: { config: ['SAMPLE_VFIO_MDEV_MBOCHS', 'VFIO_DEVICE_CDEV'] },
  covers: { ioctls: ['VFIO_DEVICE_GET_GFX_DMABUF'], sources: MAIN },
  run: (lab) => {
    const mdev = createMdev(lab, 'mbochs', 'small')
    const { cdev: device, iommu } = bindMdev(lab, mdev)
    showMode(device, { width: 1024, height: 768 })
    const { where: id, size } = shownPlane(device)
    const file = lab.use(gfxDmaBuf(device, id))
    {
      using memory = device.mmap(BAR)
      memory.write32(PAGE_SIZE, 0x0bad_cafe)
    }
    device.close()
    equal(dmaBufSize(file), size, 'bytes of the dma-buf of a closed device')
    const { cdev: reopened } = bindMdev(lab, mdev, iommu)
    expectErrno('ENOENT', () => gfxDmaBuf(reopened, id))
    using blank = reopened.mmap(BAR)
    equal(blank.read32(PAGE_SIZE), 0, 'memory of the reopened device')
  },
})

const edid = defineCase({
  name: 'edid',
  title: 'the region of the EDID is told by its type; the monitor of which it is told is what the display shows its driver, while the link is up',
  needs: MBOCHS,
  covers: { ioctls: ['VFIO_DEVICE_GET_INFO', 'VFIO_DEVICE_GET_REGION_INFO'], sources: MAIN },
  run: (lab) => {
    const device = openNewMdev(lab, 'mbochs', 'medium')
    const index = VFIO.VFIO_PCI_NUM_REGIONS
    equal(device.info().regions, index + 1, 'number of regions')
    const { capabilities, size } = device.regionInfo(index)
    const type = capabilities.find(({ id }) => id === VFIO.VFIO_REGION_INFO_CAP_TYPE)
    if (type === undefined) throw new Failed(`region ${index} must tell its type`)
    const told = new DataView(type.data.buffer, type.data.byteOffset)
    equal([told.getUint32(0, true), told.getUint32(4, true)], [VFIO.VFIO_REGION_TYPE_GFX, VFIO.VFIO_REGION_SUBTYPE_GFX_EDID], 'type and subtype of the region')
    const read = (): ReturnType<typeof vfioStructs.regionGfxEdid.at> => vfioStructs.regionGfxEdid.at(device.readBytes(index, 0, vfioStructs.regionGfxEdid.size))
    const write = (field: 'edid_size' | 'link_state' | 'max_xres' | 'edid_max_size', value: number): void => {
      device.write(index, vfioStructs.regionGfxEdid.places.get(field)?.offset ?? 0, 4, value)
    }
    const at = read().get('edid_offset')
    equal([read().get('max_xres'), read().get('max_yres')], [1920, 1440], 'largest picture')
    ok(at + read().get('edid_max_size') <= size, 'the EDID lies in its region')
    const monitor = Uint8Array.from({ length: 128 }, (_, byte) => byte ^ 0xa5)
    write('link_state', VFIO.VFIO_DEVICE_GFX_LINK_STATE_DOWN)
    equal(device.writeBytes(index, at, monitor), 128, 'bytes written of the EDID')
    write('edid_size', 128)
    const shown = (): readonly number[] => [...device.readBytes(VFIO.VFIO_PCI_BAR2_REGION_INDEX, 0, 128)]
    equal(shown(), Array.from(monitor, () => 0), 'what the display shows while the link is down')
    write('link_state', VFIO.VFIO_DEVICE_GFX_LINK_STATE_UP)
    equal(shown(), [...monitor], 'what the display shows while the link is up')
    equal([...device.readBytes(index, at, 128)], [...monitor], 'the EDID read back')
    // What the device tells of itself stays.
    for (const field of ['max_xres', 'edid_max_size'] as const) {
      const before = read().get(field)
      write(field, 1)
      equal(read().get(field), before, `${field} after it was written`)
    }
  },
})

export const mdevGfx = suite('mdev-gfx', [region, picture, mapRefusals, refusals, absent, disabled, dmaBuf, barByRead, oneMemory, dmaBufRefusals, outlives, edid])
