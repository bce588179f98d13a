import { Failed } from '../case/expect.ts'
import { namesIn, readText, writeText, writeTextAside } from '../sys/text-file.ts'
import { Mdev } from './mdev.ts'

const PARENTS = '/sys/class/mdev_bus'

/** The sample drivers of samples/vfio-mdev; each is the parent of its mediated devices. */
export type MdevParent = 'mtty' | 'mdpy' | 'mbochs'

/** One kind of mediated device that a parent can make, as sysfs shows it (Documentation/driver-api/vfio-mediated-device.rst). */
export class MdevType {
  readonly parent: MdevParent
  /** `mtty-1` */
  readonly name: string
  readonly dir: string

  constructor(parent: MdevParent, name: string) {
    this.parent = parent
    this.name = name
    this.dir = `${PARENTS}/${parent}/mdev_supported_types/${name}`
  }

  static of(parent: MdevParent): readonly MdevType[] {
    return namesIn(`${PARENTS}/${parent}/mdev_supported_types`).map((name) => new MdevType(parent, name))
  }

  /** How many more the parent says that it can make. */
  get available(): number {
    return Number(this.attribute('available_instances'))
  }

  get deviceApi(): string {
    return this.attribute('device_api')
  }

  /** The uuids of its devices. */
  get devices(): readonly string[] {
    return namesIn(`${this.dir}/devices`)
  }

  attribute(name: string): string {
    const text = readText(`${this.dir}/${name}`)
    if (text === undefined) throw new Failed(`${this.dir}/${name} is not there`)
    return text
  }

  /** Makes a device of this type; what is wrong with the text or with making one comes as Errno. */
  create(uuid = freeUuid()): Mdev {
    writeText(`${this.dir}/create`, uuid)
    return new Mdev(uuid)
  }

  /** The same on another thread, for several at once. */
  async createAside(uuid: string): Promise<Mdev> {
    await writeTextAside(`${this.dir}/create`, uuid)
    return new Mdev(uuid)
  }
}

/** One that no device has: the same in every run, so that what is told of it is the same. */
export const freeUuid = (): string => {
  for (let number = 1; ; number += 1) {
    const uuid = `00000000-0000-4000-8000-${number.toString(16).padStart(12, '0')}`
    if (!new Mdev(uuid).exists) return uuid
  }
}
