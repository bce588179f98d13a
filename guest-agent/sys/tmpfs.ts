import fs from 'node:fs'
import { Fd } from './fd.ts'
import { checked } from './libc.ts'

const MNT_DETACH = 2

/** A file system in memory with room for so many bytes. Disposing takes it away; memory that is still pinned goes later. */
export class Tmpfs implements Disposable {
  readonly #dir = fs.mkdtempSync('/tmp/tmpfs-')

  constructor(bytes: number) {
    try {
      checked(`mount(tmpfs, ${bytes} bytes)`, (c) => c.mount('tmpfs', this.#dir, 'tmpfs', 0n, `size=${bytes}`))
    } catch (error) {
      fs.rmdirSync(this.#dir)
      throw error
    }
  }

  /** A file of so many bytes that has no page yet. */
  hole(name: string, bytes: number): Fd {
    const path = `${this.#dir}/${name}`
    fs.writeFileSync(path, '')
    fs.truncateSync(path, bytes)
    return Fd.open(path)
  }

  [Symbol.dispose](): void {
    checked('umount2(tmpfs)', (c) => c.umount2(this.#dir, MNT_DETACH))
    fs.rmdirSync(this.#dir)
  }
}
