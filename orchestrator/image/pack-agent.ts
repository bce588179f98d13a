import { create } from 'tar'

/**
 * The files of `folder` in this order, as an uncompressed tar archive (ustar) without owners and times. The guest unpacks them in this order
 * too: what stands last is there only when all is there.
 */
export const packAgent = async (folder: string, names: readonly string[]): Promise<Uint8Array> =>
  Buffer.concat(await Array.fromAsync(create({ cwd: folder, portable: true, noMtime: true, jobs: 1 }, [...names])))
