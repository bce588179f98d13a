import { Fd } from './fd.ts'
import { checked } from './libc.ts'

const MFD_CLOEXEC = 1
const MFD_ALLOW_SEALING = 2
const F_ADD_SEALS = 1033
const F_SEAL_WRITE = 8

/** An anonymous file of so many bytes (memfd_create(2)). `sealed`: nobody may write to it any more (F_SEAL_WRITE). */
export const memfd = (length: number, options: { readonly sealed?: boolean } = {}): Fd => {
  const fd = new Fd(checked('memfd_create()', (c) => c.memfdCreate('vfio-lab', MFD_CLOEXEC | MFD_ALLOW_SEALING)), 'memfd')
  try {
    checked(`ftruncate(memfd, ${length})`, (c) => c.ftruncate(fd.number, BigInt(length)))
    if (options.sealed === true) checked('fcntl(memfd, F_ADD_SEALS)', (c) => c.fcntl(fd.number, F_ADD_SEALS, F_SEAL_WRITE))
    return fd
  } catch (error) {
    fd.close()
    throw error
  }
}
