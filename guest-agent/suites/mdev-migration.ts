import { defineCase, suite } from '../case/define-case.ts'
import { equal, expectErrno, ok } from '../case/expect.ts'
import { endsSession, isRefusedArc, MIGRATION_STATES, opensSession, stateName } from '../mdev/migration-arcs.ts'
import { migrationDataSize, migrationFlags, migrationState, readSession, readWholeSession, setMigrationState, writeSession } from '../mdev/migration.ts'
import { ANY_DOOR, bindMdev, createMdev, openNewMdev } from '../mdev/open-mdev.ts'
import type { Fd } from '../sys/fd.ts'
import { ioctl } from '../sys/ioctl.ts'
import { memfd } from '../sys/memfd.ts'
import { Memory, PAGE_SIZE } from '../sys/memory.ts'
import { VFIO, vfioStructs } from '../uapi/vfio.ts'
import type { VfioDevice } from '../vfio/vfio-device.ts'

const NEEDS = { config: ['SAMPLE_VFIO_MDEV_MTTY', ANY_DOOR] }
const MAIN = ['drivers/vfio/vfio_main.c']
const FEATURE = ['VFIO_DEVICE_FEATURE']
const {
  VFIO_DEVICE_STATE_STOP: STOP, VFIO_DEVICE_STATE_RUNNING: RUNNING, VFIO_DEVICE_STATE_STOP_COPY: STOP_COPY, VFIO_DEVICE_STATE_RESUMING: RESUMING,
  VFIO_DEVICE_STATE_PRE_COPY: PRE_COPY, VFIO_DEVICE_STATE_ERROR: ERROR, VFIO_DEVICE_FEATURE_GET: GET, VFIO_DEVICE_FEATURE_SET: SET,
  VFIO_DEVICE_FEATURE_PROBE: PROBE, VFIO_DEVICE_FEATURE_MIGRATION: MIGRATION, VFIO_DEVICE_FEATURE_MIG_DEVICE_STATE: DEVICE_STATE,
  VFIO_DEVICE_FEATURE_MIG_DATA_SIZE: DATA_SIZE, VFIO_DEVICE_FEATURE_MIG_PRECOPY_INFOv2: PRECOPY_INFO_V2,
} = VFIO

/** The state of a device as STOP_COPY gives it. Afterwards the device runs again. */
const saved = (device: VfioDevice): Uint8Array => {
  using session = setMigrationState(device, STOP_COPY)
  ok(session !== undefined, 'STOP_COPY must give a descriptor')
  const bytes = session === undefined ? new Uint8Array() : readWholeSession(session)
  setMigrationState(device, RUNNING)
  return bytes
}

/** Whoever leaves RESUMING must have delivered a state. */
const deliver = (session: Fd | undefined, state: Uint8Array): void => {
  if (session !== undefined) writeSession(session, state)
}

const flags = defineCase({
  name: 'feature',
  title: 'a device that migrates tells that it saves, pauses for its peers and saves while it runs; it runs at first and tells what it will take',
  needs: NEEDS,
  covers: { ioctls: FEATURE, sources: MAIN },
  run: (lab) => {
    const sizes = ['1', '2'].map((type) => {
      const device = openNewMdev(lab, 'mtty', type)
      equal(migrationFlags(device), BigInt(VFIO.VFIO_MIGRATION_STOP_COPY | VFIO.VFIO_MIGRATION_P2P | VFIO.VFIO_MIGRATION_PRE_COPY), 'what the device can do')
      equal(stateName(migrationState(device)), 'RUNNING', 'first state')
      const size = migrationDataSize(device)
      equal(saved(device).byteLength, size, 'bytes that STOP_COPY gave, by what was told')
      // It can be asked in every state.
      setMigrationState(device, STOP)
      equal(migrationDataSize(device), size, 'data size told in STOP')
      return size
    })
    ok((sizes[1] ?? 0) > (sizes[0] ?? 0), `two ports take more than one: ${sizes.join(' and ')} bytes`)
  },
})

const rules = defineCase({
  name: 'struct-rules',
  title: 'each feature of migration is probed, and refused where it is asked to do what it does not or has no room (EINVAL)',
  needs: NEEDS,
  covers: { ioctls: FEATURE, sources: MAIN },
  run: (lab) => {
    const device = openNewMdev(lab, 'mtty', '1')
    const room = new Uint8Array(8)
    for (const [feature, can] of [[MIGRATION, GET], [DEVICE_STATE, GET | SET], [DATA_SIZE, GET]] as const) {
      device.feature(PROBE | feature)
      device.feature(PROBE | can | feature)
      if ((can & SET) === 0) for (const wrong of [SET, PROBE | SET, PROBE | GET | SET]) expectErrno('EINVAL', () => device.feature(wrong | feature, room))
      expectErrno('EINVAL', () => device.feature(feature, room))
      expectErrno('EINVAL', () => device.feature(GET | SET | feature, room))
      for (const bytes of [0, 4, 7]) expectErrno('EINVAL', () => device.feature(GET | feature, new Uint8Array(bytes)))
    }
    expectErrno('EINVAL', () => device.feature(SET | DEVICE_STATE, new Uint8Array(4)))
    equal(stateName(migrationState(device)), 'RUNNING', 'state after all refusals')
  },
})

const absent = defineCase({
  name: 'absent',
  title: 'samples that do not migrate have none of its features (ENOTTY)',
  needs: { config: ['SAMPLE_VFIO_MDEV_MDPY', 'SAMPLE_VFIO_MDEV_MBOCHS', ANY_DOOR] },
  covers: { ioctls: FEATURE, sources: MAIN },
  run: (lab) => {
    for (const device of [openNewMdev(lab, 'mdpy', 'vga'), openNewMdev(lab, 'mbochs', 'small')]) {
      for (const feature of [MIGRATION, DEVICE_STATE, DATA_SIZE]) {
        for (const action of [GET, SET, PROBE]) expectErrno('ENOTTY', () => device.feature(action | feature, new Uint8Array(8)))
      }
      expectErrno(['EINVAL', 'ENOTTY'], () => device.feature(SET | PRECOPY_INFO_V2))
    }
  },
})

const arcs = defineCase({
  name: 'arcs',
  title: 'from each state to each other the device goes where it is told or not at all, and a descriptor comes when a session begins, ends with it',
  needs: NEEDS,
  timeoutMs: 15_000,
  covers: { ioctls: FEATURE, sources: MAIN },
  run: (lab) => {
    const device = openNewMdev(lab, 'mtty', '1')
    const state = saved(device)
    for (const from of MIGRATION_STATES) {
      for (const to of MIGRATION_STATES) {
        const arc = `${stateName(from)} -> ${stateName(to)}`
        using old = setMigrationState(device, from)
        if (from === RESUMING) deliver(old, state)
        if (isRefusedArc(from, to)) {
          expectErrno('EINVAL', () => setMigrationState(device, to))
          equal(stateName(migrationState(device)), stateName(from), `state after ${arc} was refused`)
          equal(old === undefined ? 0 : readWholeSession(old).byteLength, state.byteLength, `bytes of the session after ${arc} was refused`)
          device.reset()
          continue
        }
        using session = setMigrationState(device, to)
        equal(stateName(migrationState(device)), stateName(to), `state after ${arc}`)
        equal(session !== undefined, opensSession(from, to), `${arc} gave a descriptor`)
        if (old !== undefined && endsSession(from, to)) {
          expectErrno('ENODEV', () => (from === RESUMING ? writeSession(old, state.subarray(0, 1)) : readSession(old, 1)))
        }
        device.reset()
      }
    }
  },
})

const unknown = defineCase({
  name: 'no-such-state',
  title: 'no state leads to ERROR by asking, nor to one that there is not (EINVAL): the device stays where it is',
  needs: NEEDS,
  covers: { ioctls: FEATURE, sources: MAIN },
  run: (lab) => {
    const device = openNewMdev(lab, 'mtty', '1')
    for (const from of MIGRATION_STATES) {
      using session = setMigrationState(device, from)
      for (const to of [ERROR, 8, 0x7fff_ffff, 0xffff_ffff]) {
        expectErrno('EINVAL', () => setMigrationState(device, to))
        equal(stateName(migrationState(device)), stateName(from), `state after ${to} was refused`)
      }
      equal(session !== undefined, [STOP_COPY, RESUMING, PRE_COPY, VFIO.VFIO_DEVICE_STATE_PRE_COPY_P2P].some((each) => each === from), `${stateName(from)} gave a descriptor`)
      device.reset()
    }
  },
})

const reset = defineCase({
  name: 'reset',
  title: 'VFIO_DEVICE_RESET leads from every state to RUNNING and ends the session that there was',
  needs: NEEDS,
  covers: { ioctls: [...FEATURE, 'VFIO_DEVICE_RESET'], sources: MAIN },
  run: (lab) => {
    const device = openNewMdev(lab, 'mtty', '1')
    for (const from of MIGRATION_STATES) {
      using session = setMigrationState(device, from)
      device.reset()
      equal(stateName(migrationState(device)), 'RUNNING', `state after a reset in ${stateName(from)}`)
      if (session !== undefined) expectErrno('ENODEV', () => (from === RESUMING ? writeSession(session, new Uint8Array(1)) : readSession(session, 1)))
    }
  },
})

const unanswered = defineCase({
  name: 'unanswered',
  title: 'a change of state whose answer cannot be written is EFAULT and leaves no descriptor; the device is in the new state',
  needs: { config: [...NEEDS.config, 'MEMFD_CREATE'] },
  covers: { ioctls: FEATURE, sources: MAIN },
  run: (lab) => {
    const device = openNewMdev(lab, 'mtty', '1')
    const file = lab.use(memfd(PAGE_SIZE))
    const writable = lab.use(Memory.ofFile(file, PAGE_SIZE))
    const constant = lab.use(Memory.ofFile(file, PAGE_SIZE, { readOnly: true }))
    for (const to of [STOP_COPY, RESUMING, PRE_COPY, STOP]) {
      const data = vfioStructs.featureMigState.make({ device_state: to, data_fd: -1 }).bytes
      writable.bytes.set(vfioStructs.deviceFeature.make({ flags: SET | DEVICE_STATE }, { tail: data }).bytes)
      expectErrno('EFAULT', () => ioctl(device.fd, 'VFIO_DEVICE_FEATURE', constant.address))
      equal(stateName(migrationState(device)), stateName(to), 'state after the answer was lost')
      device.reset()
    }
    expectErrno('EFAULT', () => ioctl(device.fd, 'VFIO_DEVICE_FEATURE', 0n))
  },
})

const reopened = defineCase({
  name: 'closed-in-between',
  title: 'closing the device ends its session, whose descriptor stays (ENODEV); reopened and reset it runs and migrates as before',
  needs: { config: ['SAMPLE_VFIO_MDEV_MTTY', 'VFIO_DEVICE_CDEV'] },
  covers: { ioctls: [...FEATURE, 'VFIO_DEVICE_RESET'], sources: MAIN },
  run: (lab) => {
    const mdev = createMdev(lab, 'mtty', '1')
    for (const from of [STOP_COPY, RESUMING, PRE_COPY]) {
      const { cdev: device, iommu } = bindMdev(lab, mdev)
      using session = setMigrationState(device, from)
      ok(session !== undefined, `${stateName(from)} must give a descriptor`)
      device.close()
      if (session !== undefined) expectErrno('ENODEV', () => (from === RESUMING ? writeSession(session, new Uint8Array(1)) : readSession(session, 1)))
      const { cdev: again } = bindMdev(lab, mdev, iommu)
      // mtty of Linux 7.3 keeps the state that it was left in, without the session that belongs to it: from RESUMING only a reset is safe.
      again.reset()
      equal(stateName(migrationState(again)), 'RUNNING', 'state of the reopened device')
      equal(saved(again).byteLength, migrationDataSize(again), 'bytes that the reopened device gave')
      again.close()
    }
  },
})

export const mdevMigration = suite('mdev-migration', [flags, rules, absent, arcs, unknown, reset, unanswered, reopened])
