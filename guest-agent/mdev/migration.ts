import { Fd } from '../sys/fd.ts'
import { ioctl } from '../sys/ioctl.ts'
import { checked } from '../sys/libc.ts'
import { VFIO, vfioStructs } from '../uapi/vfio.ts'
import type { VfioDevice } from '../vfio/vfio-device.ts'

const {
  VFIO_DEVICE_FEATURE_GET: GET, VFIO_DEVICE_FEATURE_SET: SET, VFIO_DEVICE_FEATURE_MIGRATION, VFIO_DEVICE_FEATURE_MIG_DEVICE_STATE,
  VFIO_DEVICE_FEATURE_MIG_DATA_SIZE,
} = VFIO

/** VFIO_MIGRATION_* that the device has. */
export const migrationFlags = (device: VfioDevice): bigint => {
  const { featureMigration } = vfioStructs
  return featureMigration.at(device.feature(GET | VFIO_DEVICE_FEATURE_MIGRATION, new Uint8Array(featureMigration.size))).get('flags')
}

/** VFIO_DEVICE_STATE_* that the device is in. */
export const migrationState = (device: VfioDevice): number => {
  const { featureMigState } = vfioStructs
  return featureMigState.at(device.feature(GET | VFIO_DEVICE_FEATURE_MIG_DEVICE_STATE, new Uint8Array(featureMigState.size))).get('device_state')
}

/** Moves the device to a state; the descriptor of the session that this began, which is the caller's, or undefined. */
export const setMigrationState = (device: VfioDevice, state: number): Fd | undefined => {
  const { featureMigState } = vfioStructs
  const asked = featureMigState.make({ device_state: state, data_fd: -1 })
  const number = featureMigState.at(device.feature(SET | VFIO_DEVICE_FEATURE_MIG_DEVICE_STATE, asked.bytes)).get('data_fd')
  return number === -1 ? undefined : new Fd(number, `data of migration state ${state}`)
}

/** How many bytes the device says that STOP_COPY will give. */
export const migrationDataSize = (device: VfioDevice): number => {
  const { featureMigDataSize } = vfioStructs
  return Number(featureMigDataSize.at(device.feature(GET | VFIO_DEVICE_FEATURE_MIG_DATA_SIZE, new Uint8Array(featureMigDataSize.size))).get('stop_copy_length'))
}

interface PrecopyInfo {
  readonly flags: number
  readonly initialBytes: bigint
  readonly dirtyBytes: bigint
}

/** What is left to read of a session in PRE_COPY. `flags` go in as they are. */
export const precopyInfo = (session: Fd, flags = 0): PrecopyInfo => {
  const answer = vfioStructs.precopyInfo.make({ flags })
  ioctl(session, 'VFIO_MIG_GET_PRECOPY_INFO', answer)
  return { flags: answer.get('flags'), initialBytes: answer.get('initial_bytes'), dirtyBytes: answer.get('dirty_bytes') }
}

/** One read(2) of a session; fewer bytes than asked for is its end for now, or for good in STOP_COPY. */
export const readSession = (session: Fd, length: number): Uint8Array => {
  const bytes = new Uint8Array(new ArrayBuffer(length))
  return bytes.slice(0, checked(`read(${session.what}, ${length} bytes)`, (c) => c.read(session.number, bytes, length)))
}

/** All that a session gives, read in pieces of so many bytes. */
export const readWholeSession = (session: Fd, piece = 4096): Uint8Array => {
  const pieces: Uint8Array[] = []
  for (;;) {
    const bytes = readSession(session, piece)
    if (bytes.byteLength === 0) return Uint8Array.from(pieces.flatMap((each) => [...each]))
    pieces.push(bytes)
  }
}

/** One write(2) to a session; how many bytes it took. */
export const writeSession = (session: Fd, bytes: Uint8Array): number =>
  checked(`write(${session.what}, ${bytes.byteLength} bytes)`, (c) => c.write(session.number, bytes, bytes.byteLength))
