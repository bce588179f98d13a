import fs from 'node:fs'
import { Errno } from '../sys/errno.ts'
import { linkName, namesIn, writeTextAside } from '../sys/text-file.ts'

const DEVICES = '/sys/bus/mdev/devices'

/** The uuids of all mediated devices that there are. */
export const mdevUuids = (): readonly string[] => namesIn(DEVICES)

/** A mediated device through sysfs; disposing removes it. */
export class Mdev implements AsyncDisposable {
  readonly uuid: string
  readonly dir: string

  constructor(uuid: string) {
    this.uuid = uuid
    this.dir = `${DEVICES}/${uuid}`
  }

  get exists(): boolean {
    return fs.existsSync(this.dir)
  }

  get driver(): string | undefined {
    return linkName(`${this.dir}/driver`)
  }

  /** The name of its type: `mtty-1`. */
  get type(): string | undefined {
    return linkName(`${this.dir}/mdev_type`)
  }

  /** Number of the group that VFIO made for it; undefined when it has none. */
  get groupNumber(): number | undefined {
    const name = linkName(`${this.dir}/iommu_group`)
    return name === undefined ? undefined : Number(name)
  }

  /** `/dev/vfio/7` when that node exists. A mediated device has no `noiommu-` group, whatever the mode. */
  get groupNode(): string | undefined {
    const number = this.groupNumber
    return number === undefined ? undefined : existing(`/dev/vfio/${number}`)
  }

  /** `vfio0`, the name of its VFIO device in sysfs. */
  get vfioName(): string | undefined {
    return namesIn(`${this.dir}/vfio-dev`)[0]
  }

  get cdevNode(): string | undefined {
    const name = this.vfioName
    return name === undefined ? undefined : existing(`/dev/vfio/devices/${name}`)
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

  toString(): string {
    return `mdev ${this.uuid}`
  }
}

const existing = (path: string): string | undefined => (fs.existsSync(path) ? path : undefined)
