import fs from 'node:fs'
import { linkName, namesIn } from './text-file.ts'

/** A device that VFIO may have, through its folder in sysfs: its driver, its group and its nodes. */
export class SysfsDevice {
  readonly dir: string

  constructor(dir: string) {
    this.dir = dir
  }

  get driver(): string | undefined {
    return linkName(`${this.dir}/driver`)
  }

  /** Number of its IOMMU group, or of the one that VFIO made up for it; undefined when it has none. */
  get groupNumber(): number | undefined {
    const name = linkName(`${this.dir}/iommu_group`)
    return name === undefined ? undefined : Number(name)
  }

  /** `vfio0` or `noiommu-vfio0`, the name of its VFIO device in sysfs; undefined when it is not bound. */
  get vfioName(): string | undefined {
    return namesIn(`${this.dir}/vfio-dev`)[0]
  }

  /** `/dev/vfio/devices/vfio0` or `/dev/vfio/devices/noiommu-vfio0` when that node exists. */
  get cdevNode(): string | undefined {
    const name = this.vfioName
    return name === undefined ? undefined : existingNode(`/dev/vfio/devices/${name}`)
  }
}

/** The path, when there is something. */
export const existingNode = (path: string): string | undefined => (fs.existsSync(path) ? path : undefined)
