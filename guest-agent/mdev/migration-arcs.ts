import { VFIO } from '../uapi/vfio.ts'

const {
  VFIO_DEVICE_STATE_STOP: STOP, VFIO_DEVICE_STATE_RUNNING: RUNNING, VFIO_DEVICE_STATE_STOP_COPY: STOP_COPY, VFIO_DEVICE_STATE_RESUMING: RESUMING,
  VFIO_DEVICE_STATE_RUNNING_P2P: RUNNING_P2P, VFIO_DEVICE_STATE_PRE_COPY: PRE_COPY, VFIO_DEVICE_STATE_PRE_COPY_P2P: PRE_COPY_P2P,
} = VFIO

/** The states that a device with P2P and PRE_COPY can be told to go to: all but ERROR (linux/vfio.h, enum vfio_device_mig_state). */
export const MIGRATION_STATES = [STOP, RUNNING, STOP_COPY, RESUMING, RUNNING_P2P, PRE_COPY, PRE_COPY_P2P] as const

const NAMES: ReadonlyMap<number, string> = new Map([
  [STOP, 'STOP'], [RUNNING, 'RUNNING'], [STOP_COPY, 'STOP_COPY'], [RESUMING, 'RESUMING'], [RUNNING_P2P, 'RUNNING_P2P'], [PRE_COPY, 'PRE_COPY'],
  [PRE_COPY_P2P, 'PRE_COPY_P2P'], [VFIO.VFIO_DEVICE_STATE_ERROR, 'ERROR'],
])

export const stateName = (state: number): string => NAMES.get(state) ?? `state ${state}`

/** States that share one session of saving. */
const SAVING: readonly number[] = [PRE_COPY, PRE_COPY_P2P, STOP_COPY]

/** A saved device cannot go back to being saved while it runs. */
export const isRefusedArc = (from: number, to: number): boolean => from === STOP_COPY && (to === PRE_COPY || to === PRE_COPY_P2P)

/** The way from one state to another begins a session of saving or resuming, whose descriptor is the answer. */
export const opensSession = (from: number, to: number): boolean =>
  from !== to && (to === RESUMING || SAVING.includes(to)) && !(SAVING.includes(from) && SAVING.includes(to))

/** The way ends the session that there was. */
export const endsSession = (from: number, to: number): boolean =>
  from !== to && (from === RESUMING || (SAVING.includes(from) && !SAVING.includes(to)))
