import fs from 'node:fs'
import { Errno } from '../sys/errno.ts'
import { existingNode, SysfsDevice } from '../sys/sysfs-device.ts'
import { linkName, namesIn, writeTextAside } from '../sys/text-file.ts'

const DEVICES = '/sys/bus/mdev/devices'

/** The uuids of all mediated devices that there are. */
export const mdevUuids = (): readonly string[] => namesIn(DEVICES)

/** A mediated device through sysfs; disposing removes it. */
export class Mdev extends SysfsDevice implements AsyncDisposable {
  readonly uuid: string

  constructor(uuid: string) {
    super(`${DEVICES}/${uuid}`)
    this.uuid = uuid
  }

  get exists(): boolean {
    return fs.existsSync(this.dir)
  }

  /** The name of its type: `mtty-1`. */
  get type(): string | undefined {
    return linkName(`${this.dir}/mdev_type`)
  }

  /** `/dev/vfio/7` when that node exists. A mediated device has no `noiommu-` group, whatever the mode. */
  get groupNode(): string | undefined {
    const number = this.groupNumber
    return number === undefined ? undefined : existingNode(`/dev/vfio/${number}`)
  }

  /** Removes it, on another thread: it blocks in the kernel for as long as somebody has the device open. */
  async remove(): Promise<void> {
    await this.writeRemove('1')
  }

  async writeRemove(text: string): Promise<void> {
    await writeTextAside(`${this.dir}/remove`, text)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    try {
      if (this.exists) await this.remove()
    } catch (error) {
      // Somebody else was first.
      if (!(error instanceof Errno && ['ENOENT', 'ENODEV'].includes(error.code))) throw error
    }
  }

  override toString(): string {
    return `mdev ${this.uuid}`
  }
}
