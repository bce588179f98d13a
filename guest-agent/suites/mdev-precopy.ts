import { defineCase, suite } from '../case/define-case.ts'
import { equal, equalBytes, expectErrno, Failed, ok } from '../case/expect.ts'
import { outcomeOf } from '../case/outcome-of.ts'
import { stateName } from '../mdev/migration-arcs.ts'
import { migrationDataSize, precopyInfo, readSession, readWholeSession, setMigrationState, writeSession } from '../mdev/migration.ts'
import { MttyPort } from '../mdev/mtty.ts'
import { ANY_DOOR, openNewMdev } from '../mdev/open-mdev.ts'
import type { Fd } from '../sys/fd.ts'
import { ioctl } from '../sys/ioctl.ts'
import { memfd } from '../sys/memfd.ts'
import { Memory, PAGE_SIZE } from '../sys/memory.ts'
import { VFIO, vfioStructs } from '../uapi/vfio.ts'
import type { VfioDevice } from '../vfio/vfio-device.ts'

const NEEDS = { config: ['SAMPLE_VFIO_MDEV_MTTY', ANY_DOOR] }
const SOURCES = ['drivers/vfio/vfio_main.c']
const INFO = ['VFIO_MIG_GET_PRECOPY_INFO']
const {
  VFIO_DEVICE_STATE_STOP: STOP, VFIO_DEVICE_STATE_RUNNING: RUNNING, VFIO_DEVICE_STATE_STOP_COPY: STOP_COPY, VFIO_DEVICE_STATE_RESUMING: RESUMING,
  VFIO_DEVICE_STATE_RUNNING_P2P: RUNNING_P2P, VFIO_DEVICE_STATE_PRE_COPY: PRE_COPY, VFIO_DEVICE_STATE_PRE_COPY_P2P: PRE_COPY_P2P,
  VFIO_DEVICE_FEATURE_GET: GET, VFIO_DEVICE_FEATURE_SET: SET, VFIO_DEVICE_FEATURE_PROBE: PROBE, VFIO_DEVICE_FEATURE_MIG_PRECOPY_INFOv2: INFO_V2,
} = VFIO

const session = (device: VfioDevice, state: number): Fd => {
  const fd = setMigrationState(device, state)
  if (fd === undefined) throw new Failed(`${stateName(state)} gave no descriptor`)
  return fd
}

/** The end of what there is for now. ENOMSG by the header; mtty gives no bytes, as at the end for good. */
const isAtEnd = (data: Fd): void => {
  const outcome = outcomeOf(() => { equal(readSession(data, 16).byteLength, 0, 'bytes at the end for now') })
  ok(['ok', 'ENOMSG'].includes(outcome), `a read at the end for now: ${outcome}`)
}

const info = defineCase({
  name: 'info',
  title: 'in PRE_COPY the session tells what is left to read first, less with each read, down to nothing; with and without peers',
  needs: NEEDS,
  covers: { ioctls: INFO, sources: SOURCES },
  run: (lab) => {
    const device = openNewMdev(lab, 'mtty', '1')
    for (const state of [PRE_COPY, PRE_COPY_P2P]) {
      using data = session(device, state)
      const { initialBytes, dirtyBytes } = precopyInfo(data)
      ok(initialBytes > 0n, `${stateName(state)} must have something to read at first`)
      equal(dirtyBytes, 0n, `bytes changed since in ${stateName(state)}`)
      readSession(data, 5)
      equal(precopyInfo(data).initialBytes, initialBytes - 5n, 'what is left after 5 bytes')
      setMigrationState(device, state === PRE_COPY ? PRE_COPY_P2P : PRE_COPY)
      equal(precopyInfo(data).initialBytes, initialBytes - 5n, 'what is left after the peers were paused, or not any more')
      equal(readSession(data, PAGE_SIZE).byteLength, Number(initialBytes) - 5, 'bytes of the rest')
      equal(precopyInfo(data).initialBytes, 0n, 'what is left at the end')
      isAtEnd(data)
      setMigrationState(device, RUNNING)
    }
  },
})

const one = defineCase({
  name: 'one-session',
  title: 'PRE_COPY, PRE_COPY_P2P and STOP_COPY are one session: what was read while the device ran and what comes after is the state that it stops with',
  needs: NEEDS,
  covers: { ioctls: [...INFO, 'VFIO_DEVICE_FEATURE'], sources: SOURCES },
  run: (lab) => {
    const [device, other] = [openNewMdev(lab, 'mtty', '1'), openNewMdev(lab, 'mtty', '1')]
    for (const way of [[PRE_COPY, STOP_COPY], [PRE_COPY, PRE_COPY_P2P, PRE_COPY, PRE_COPY_P2P, STOP_COPY], [PRE_COPY_P2P, STOP_COPY]]) {
      const [first = PRE_COPY, ...rest] = way
      using data = session(device, first)
      const early = readSession(data, Number(precopyInfo(data).initialBytes))
      // It runs: what happens now is in what comes later.
      const port = new MttyPort(device)
      port.clear()
      port.scratch = 0x77
      port.send([8, 9])
      for (const state of rest) equal(setMigrationState(device, state), undefined, `descriptor of ${stateName(state)}`)
      const late = readWholeSession(data)
      equal(early.byteLength + late.byteLength, migrationDataSize(device), 'bytes of the whole session')
      setMigrationState(device, STOP)
      using again = session(device, STOP_COPY)
      equalBytes(Uint8Array.from([...early, ...late]), readWholeSession(again), `state by way of ${way.map(stateName).join(', ')}`)
      using resuming = session(other, RESUMING)
      for (const part of [early, late]) writeSession(resuming, part)
      setMigrationState(other, RUNNING)
      equal(new MttyPort(other).scratch, 0x77, 'scratch register of the restored device')
      equal(new MttyPort(other).receive(2), [8, 9], 'what was on its way in the restored device')
      setMigrationState(device, RUNNING)
    }
  },
})

const cancelled = defineCase({
  name: 'cancelled',
  title: 'a device that goes back to running has ended its session: its descriptor gives nothing any more (ENODEV), and a new session begins anew',
  needs: NEEDS,
  covers: { ioctls: INFO, sources: SOURCES },
  run: (lab) => {
    const device = openNewMdev(lab, 'mtty', '1')
    for (const [saving, running] of [[PRE_COPY, RUNNING], [PRE_COPY_P2P, RUNNING_P2P], [PRE_COPY, RUNNING_P2P], [PRE_COPY_P2P, STOP]] as const) {
      using old = session(device, saving)
      const { initialBytes } = precopyInfo(old)
      readSession(old, 3)
      setMigrationState(device, running)
      expectErrno('ENODEV', () => readSession(old, 1))
      // Only in PRE_COPY is it asked at all.
      expectErrno('EINVAL', () => precopyInfo(old))
      using next = session(device, saving)
      expectErrno('ENODEV', () => precopyInfo(old))
      equal(precopyInfo(next).initialBytes, initialBytes, 'what a new session has to read at first')
      setMigrationState(device, RUNNING)
    }
  },
})

const refusals = defineCase({
  name: 'info-refusals',
  title: 'a short argsz, another state (EINVAL), memory that is none (EFAULT), another ioctl and a session that resumes (ENOTTY) are refused',
  needs: { config: [...NEEDS.config, 'MEMFD_CREATE'] },
  covers: { ioctls: INFO, sources: SOURCES },
  run: (lab) => {
    const device = openNewMdev(lab, 'mtty', '1')
    const constant = lab.use(Memory.ofFile(lab.use(memfd(PAGE_SIZE)), PAGE_SIZE, { readOnly: true }))
    {
      using data = session(device, PRE_COPY)
      for (const argsz of [0, 8, 16, 23]) expectErrno('EINVAL', () => ioctl(data, 'VFIO_MIG_GET_PRECOPY_INFO', vfioStructs.precopyInfo.make({ argsz })))
      ioctl(data, 'VFIO_MIG_GET_PRECOPY_INFO', vfioStructs.precopyInfo.make({}, { tail: 8 }))
      expectErrno('EFAULT', () => ioctl(data, 'VFIO_MIG_GET_PRECOPY_INFO', 0n))
      expectErrno('EINVAL', () => ioctl(data, 'VFIO_MIG_GET_PRECOPY_INFO', constant.address))
      for (const name of ['VFIO_DEVICE_GET_INFO', 'VFIO_DEVICE_FEATURE', 'VFIO_DEVICE_RESET'] as const) expectErrno('ENOTTY', () => ioctl(data, name, 0n))
      expectErrno('ENOTTY', () => ioctl(device.fd, 'VFIO_MIG_GET_PRECOPY_INFO', vfioStructs.precopyInfo.make()))
      setMigrationState(device, STOP_COPY)
      expectErrno('EINVAL', () => precopyInfo(data))
      device.reset()
    }
    using data = session(device, RESUMING)
    expectErrno('ENOTTY', () => precopyInfo(data))
  },
})

const second = defineCase({
  name: 'info-v2',
  title: 'MIG_PRECOPY_INFOv2 is set once for as long as the device is open: the flags of the answer are the kernel\'s own then, whatever went in',
  needs: { ...NEEDS, uapi: ['VFIO_DEVICE_FEATURE_MIG_PRECOPY_INFOv2'] },
  covers: { ioctls: [...INFO, 'VFIO_DEVICE_FEATURE'], sources: SOURCES },
  run: (lab) => {
    const device = openNewMdev(lab, 'mtty', '1')
    device.feature(PROBE | INFO_V2)
    device.feature(PROBE | SET | INFO_V2)
    for (const wrong of [GET, PROBE | GET, GET | SET, 0]) expectErrno('EINVAL', () => device.feature(wrong | INFO_V2))
    device.feature(SET | INFO_V2)
    device.feature(SET | INFO_V2)
    using data = session(device, PRE_COPY)
    const { flags, initialBytes } = precopyInfo(data, 0xffff_ffff)
    equal(flags, 0, 'flags of the answer')
    ok(initialBytes > 0n, 'there must be something to read at first')
  },
})

export const mdevPrecopy = suite('mdev-precopy', [info, one, cancelled, refusals, second])
