/**
 * Kills the wait for a case that a blocked ioctl keeps from ever answering. The agent has a soft limit of its own, which
 * cannot fire while its thread sits in the kernel; this one stands outside of the guest.
 */
export interface CaseWatchdog extends Disposable {
  /** A case began: from now on it has `limitMs`. */
  caseStarted(caseId: string, limitMs: number): void
  /** Nothing runs now. */
  caseEnded(): void
  /** Resolves when a case went past its limit; never rejects. */
  readonly expired: Promise<{ readonly caseId: string; readonly limitMs: number }>
}

export const caseWatchdog = (): CaseWatchdog => {
  const { promise: expired, resolve } = Promise.withResolvers<{ caseId: string; limitMs: number }>()
  let timer: NodeJS.Timeout | undefined
  const stop = () => {
    clearTimeout(timer)
    timer = undefined
  }
  return {
    expired,
    caseStarted: (caseId, limitMs) => {
      stop()
      timer = setTimeout(() => { resolve({ caseId, limitMs }) }, limitMs)
    },
    caseEnded: stop,
    [Symbol.dispose]: stop,
  }
}
