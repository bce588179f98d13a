import koffi from 'koffi'

// <sys/file.h>
const LOCK_SH = 1
const LOCK_EX = 2
const LOCK_NB = 4

const flock = koffi.load(null).func('int flock(int fd, int operation)')

/**
 * flock(2) without waiting: true when this open file now holds the lock, false when somebody else does.
 * The lock belongs to the open file description: the kernel drops it when the last copy is closed, also after kill -9.
 */
export const tryFlock = (fd: number, shared: boolean): boolean => {
  const result: unknown = flock(fd, (shared ? LOCK_SH : LOCK_EX) | LOCK_NB)
  if (result === 0) return true
  const errno = koffi.errno()
  if (errno === koffi.os.errno['EWOULDBLOCK'] || errno === koffi.os.errno['EINTR']) return false
  throw new Error(`flock failed with errno ${errno}`)
}
