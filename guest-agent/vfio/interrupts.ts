import type { EventFd } from '../sys/eventfd.ts'
import { VFIO } from '../uapi/vfio.ts'
import { int32s, type VfioDevice } from './vfio-device.ts'

const {
  VFIO_IRQ_SET_DATA_NONE, VFIO_IRQ_SET_DATA_EVENTFD, VFIO_IRQ_SET_ACTION_MASK, VFIO_IRQ_SET_ACTION_UNMASK, VFIO_IRQ_SET_ACTION_TRIGGER,
} = VFIO

/** Each interrupt of the index, from the first, raises its eventfd; undefined leaves one out (-1). Gives what VfioDevice.setIrqs() gives. */
export const connectIrqs = (device: VfioDevice, index: number, eventfds: readonly (EventFd | undefined)[], start = 0): number =>
  device.setIrqs(
    { flags: VFIO_IRQ_SET_DATA_EVENTFD | VFIO_IRQ_SET_ACTION_TRIGGER, index, start, count: eventfds.length },
    int32s(eventfds.map((eventfd) => eventfd?.fd.number ?? -1)),
  )

/** Switches the whole index off. */
export const disableIrqs = (device: VfioDevice, index: number): void => {
  device.setIrqs({ flags: VFIO_IRQ_SET_DATA_NONE | VFIO_IRQ_SET_ACTION_TRIGGER, index, count: 0 })
}

/** The kernel raises the interrupt's eventfd itself: the loop without the device. */
export const triggerIrq = (device: VfioDevice, index: number, start = 0): void => {
  device.setIrqs({ flags: VFIO_IRQ_SET_DATA_NONE | VFIO_IRQ_SET_ACTION_TRIGGER, index, start, count: 1 })
}

export const maskIrq = (device: VfioDevice, index: number, start = 0): void => {
  device.setIrqs({ flags: VFIO_IRQ_SET_DATA_NONE | VFIO_IRQ_SET_ACTION_MASK, index, start, count: 1 })
}

export const unmaskIrq = (device: VfioDevice, index: number, start = 0): void => {
  device.setIrqs({ flags: VFIO_IRQ_SET_DATA_NONE | VFIO_IRQ_SET_ACTION_UNMASK, index, start, count: 1 })
}

/** The eventfd unmasks the interrupt when it is written to (the resample of a level interrupt). */
export const connectUnmask = (device: VfioDevice, index: number, eventfd: EventFd): void => {
  device.setIrqs({ flags: VFIO_IRQ_SET_DATA_EVENTFD | VFIO_IRQ_SET_ACTION_UNMASK, index, count: 1 }, int32s([eventfd.fd.number]))
}
