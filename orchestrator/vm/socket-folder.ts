import { mkdtemp } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

/** A folder of mode 0700; the path of a socket in it must fit into 107 bytes (unix(7)), which not every $TMPDIR allows. */
export const socketFolder = (): Promise<string> => {
  const parent = Buffer.byteLength(tmpdir()) <= 80 ? tmpdir() : '/tmp'
  return mkdtemp(join(parent, 'vfio-lab-'))
}
