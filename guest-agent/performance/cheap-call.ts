import type { Fd } from '../sys/fd.ts'
import { timedIoctl } from '../sys/timed-ioctl.ts'

/** VFIO_GET_API_VERSION, which a container and an iommufd answer with a constant: what any call costs, from here to the kernel and back. */
export const cheapCall = (fd: Fd): (() => number) => {
  // It is not read; a call with a struct passes as much.
  const argument = new Uint8Array(new ArrayBuffer(8))
  return () => timedIoctl(fd, 'VFIO_GET_API_VERSION', argument)
}
