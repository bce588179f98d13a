import { defineCase, suite } from '../case/define-case.ts'
import { equal, equalBytes, expectErrno, Failed } from '../case/expect.ts'
import { stateName } from '../mdev/migration-arcs.ts'
import { migrationDataSize, migrationState, readSession, readWholeSession, setMigrationState, writeSession } from '../mdev/migration.ts'
import { MttyPort } from '../mdev/mtty.ts'
import { ANY_DOOR, openNewMdev } from '../mdev/open-mdev.ts'
import type { Fd } from '../sys/fd.ts'
import { checked } from '../sys/libc.ts'
import { Memory, PAGE_SIZE } from '../sys/memory.ts'
import { VFIO } from '../uapi/vfio.ts'
import type { VfioDevice } from '../vfio/vfio-device.ts'

const NEEDS = { config: ['SAMPLE_VFIO_MDEV_MTTY', ANY_DOOR] }
const COVERS = { ioctls: ['VFIO_DEVICE_FEATURE'], sources: ['drivers/vfio/vfio_main.c'] }
const { VFIO_DEVICE_STATE_STOP: STOP, VFIO_DEVICE_STATE_RUNNING: RUNNING, VFIO_DEVICE_STATE_STOP_COPY: STOP_COPY, VFIO_DEVICE_STATE_RESUMING: RESUMING } = VFIO

/** Begins a session of this state. */
const session = (device: VfioDevice, state: number): Fd => {
  const fd = setMigrationState(device, state)
  if (fd === undefined) throw new Failed(`${stateName(state)} gave no descriptor`)
  return fd
}

/** Stops the device and takes all of its state; it is in STOP then. */
const stopAndSave = (device: VfioDevice, piece?: number): Uint8Array => {
  using data = session(device, STOP_COPY)
  const bytes = readWholeSession(data, piece)
  setMigrationState(device, STOP)
  return bytes
}

/** Something in every port that a new device has not. */
const fill = (device: VfioDevice, ports: number): void => {
  for (let port = 0; port < ports; port += 1) {
    const serial = new MttyPort(device, port)
    serial.clear()
    serial.scratch = 0xa0 + port
    serial.send([1 + port, 2 + port, 3 + port])
    serial.receive(1)
  }
}

const isFilled = (device: VfioDevice, ports: number): void => {
  for (let port = 0; port < ports; port += 1) {
    const serial = new MttyPort(device, port)
    equal(serial.scratch, 0xa0 + port, `scratch register of port ${port}`)
    equal(serial.receive(2), [2 + port, 3 + port], `what was on its way in port ${port}`)
  }
}

const restore = defineCase({
  name: 'restored',
  title: 'what STOP_COPY gave of one device and RESUMING took of another makes it the same device: registers, and what was on its way',
  needs: NEEDS,
  covers: COVERS,
  run: (lab) => {
    for (const ports of [1, 2]) {
      const [from, to] = [openNewMdev(lab, 'mtty', `${ports}`), openNewMdev(lab, 'mtty', `${ports}`)]
      fill(from, ports)
      const state = stopAndSave(from)
      equal(state.byteLength, migrationDataSize(from), 'bytes of the state')
      {
        using data = session(to, RESUMING)
        equal(writeSession(data, state), state.byteLength, 'bytes that RESUMING took')
      }
      setMigrationState(to, RUNNING)
      isFilled(to, ports)
      setMigrationState(from, RUNNING)
      isFilled(from, ports)
    }
  },
})

const pieces = defineCase({
  name: 'in-pieces',
  title: 'a state is read and written in whatever pieces, which need not be the same ones',
  needs: NEEDS,
  covers: COVERS,
  run: (lab) => {
    const [from, to] = [openNewMdev(lab, 'mtty', '1'), openNewMdev(lab, 'mtty', '1')]
    fill(from, 1)
    const whole = stopAndSave(from)
    for (const piece of [1, 7, 33]) equalBytes(stopAndSave(from, piece), whole, `state read in pieces of ${piece}`)
    using data = session(to, RESUMING)
    for (let at = 0; at < whole.byteLength; at += 5) writeSession(data, whole.subarray(at, at + 5))
    setMigrationState(to, RUNNING)
    isFilled(to, 1)
  },
})

const end = defineCase({
  name: 'end-of-stream',
  title: 'in STOP_COPY the end of the state is for good: 0 bytes however often it is asked for',
  needs: NEEDS,
  covers: COVERS,
  run: (lab) => {
    const device = openNewMdev(lab, 'mtty', '1')
    using data = session(device, STOP_COPY)
    readWholeSession(data)
    for (let round = 0; round < 3; round += 1) equal(readSession(data, 16).byteLength, 0, 'bytes after the end')
  },
})

const descriptors = defineCase({
  name: 'one-way',
  title: 'a session that saves cannot be written and one that resumes cannot be read (EBADF); neither has places (ESPIPE), and bad memory is EFAULT',
  needs: NEEDS,
  covers: COVERS,
  run: (lab) => {
    const device = openNewMdev(lab, 'mtty', '1')
    const nowhere = lab.use(Memory.inaccessible(PAGE_SIZE))
    const bytes = new Uint8Array(8)
    const intoNowhere = new Uint8Array(nowhere.buffer, 0, 8)
    {
      using data = session(device, STOP_COPY)
      expectErrno('EBADF', () => writeSession(data, bytes))
      expectErrno('ESPIPE', () => checked('pread(session)', (c) => c.pread(data.number, bytes, 8, 0n)))
      expectErrno('EFAULT', () => checked('read(session)', (c) => c.read(data.number, intoNowhere, 8)))
      equal(readWholeSession(data).byteLength, migrationDataSize(device), 'bytes after a read that failed')
    }
    using data = session(device, RESUMING)
    expectErrno('EBADF', () => readSession(data, 8))
    expectErrno('ESPIPE', () => checked('pwrite(session)', (c) => c.pwrite(data.number, bytes, 8, 0n)))
    expectErrno('EFAULT', () => writeSession(data, intoNowhere))
  },
})

const incomplete = defineCase({
  name: 'incomplete',
  title: 'RESUMING is not left with a state of which something is missing (EINVAL); the rest can still come',
  needs: NEEDS,
  covers: COVERS,
  run: (lab) => {
    const [from, to] = [openNewMdev(lab, 'mtty', '1'), openNewMdev(lab, 'mtty', '1')]
    fill(from, 1)
    const state = stopAndSave(from)
    using data = session(to, RESUMING)
    for (const [start, stop] of [[0, 0], [0, 8], [8, 32], [32, state.byteLength - 1]] as const) {
      if (stop > start) writeSession(data, state.subarray(start, stop))
      for (const next of [STOP, RUNNING]) expectErrno('EINVAL', () => setMigrationState(to, next))
      equal(stateName(migrationState(to)), 'RESUMING', `state with ${stop} of ${state.byteLength} bytes`)
    }
    writeSession(data, state.subarray(-1))
    setMigrationState(to, RUNNING)
    isFilled(to, 1)
  },
})

const foreign = defineCase({
  name: 'not-its-own',
  title: 'a state of another kind of device, of no device or longer than one is refused where it is written, and a reset makes the device run again',
  needs: NEEDS,
  covers: COVERS,
  run: (lab) => {
    const to = openNewMdev(lab, 'mtty', '1')
    const own = stopAndSave(openNewMdev(lab, 'mtty', '1'))
    const other = stopAndSave(openNewMdev(lab, 'mtty', '2'))
    const refused = (code: string, bytes: Uint8Array): void => {
      using data = session(to, RESUMING)
      expectErrno(code, () => writeSession(data, bytes))
      to.reset()
      equal(stateName(migrationState(to)), 'RUNNING', 'state after the reset')
    }
    refused('EFAULT', other.subarray(0, own.byteLength))
    refused('EFAULT', new Uint8Array(own.byteLength))
    for (const at of [0, 7, 8, 12, 16, 20]) refused('EFAULT', own.map((byte, index) => (index === at ? byte ^ 0xff : byte)))
    refused('ENOMEM', Uint8Array.from([...own, 0]))
    refused('ENOMEM', new Uint8Array(PAGE_SIZE))
    using data = session(to, RESUMING)
    writeSession(data, own)
    expectErrno('ENOMEM', () => writeSession(data, new Uint8Array(1)))
    setMigrationState(to, RUNNING)
  },
})

export const mdevSavedState = suite('mdev-saved-state', [restore, pieces, end, descriptors, incomplete, foreign])
