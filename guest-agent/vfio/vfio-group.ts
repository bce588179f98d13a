import { Fd } from '../sys/fd.ts'
import { ioctl, type IoctlArgument } from '../sys/ioctl.ts'
import type { IoctlName } from '../uapi/ioctls.ts'
import { vfioStructs } from '../uapi/vfio.ts'
import { VfioDevice, int32s } from './vfio-device.ts'

/** An open /dev/vfio/N or /dev/vfio/noiommu-N (linux/vfio.h, GROUP ioctls). Every method throws Errno. */
export class VfioGroup implements Disposable {
  readonly fd: Fd

  constructor(fd: Fd) {
    this.fd = fd
  }

  static open(path: string): VfioGroup {
    return new VfioGroup(Fd.open(path))
  }

  ioctl(name: IoctlName, argument?: IoctlArgument): number {
    return ioctl(this.fd, name, argument)
  }

  /** VFIO_GROUP_FLAGS_* */
  status(): number {
    const answer = vfioStructs.groupStatus.make()
    this.ioctl('VFIO_GROUP_GET_STATUS', answer)
    return answer.get('flags')
  }

  /** A container, or anything with a descriptor: an iommufd serves as one. */
  setContainer(container: { readonly fd: Fd }): void {
    this.ioctl('VFIO_GROUP_SET_CONTAINER', int32s([container.fd.number]))
  }

  unsetContainer(): void {
    this.ioctl('VFIO_GROUP_UNSET_CONTAINER')
  }

  /** `name` is the device's address, `0000:01:00.0`. */
  device(name: string): VfioDevice {
    return new VfioDevice(new Fd(this.ioctl('VFIO_GROUP_GET_DEVICE_FD', name), `device ${name}`))
  }

  close(): void {
    this.fd.close()
  }

  [Symbol.dispose](): void {
    this.close()
  }
}
