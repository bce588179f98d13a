/**
 * Kills the wait for a case that a blocked ioctl keeps from ever answering. The agent has a soft limit of its own, which
 * cannot fire while its thread sits in the kernel; this one stands outside of the guest. What the agent does between cases, before the
 * first and after the last one, can block as well: it binds and unbinds devices.
 */
export interface CaseWatchdog extends Disposable {
  /** A case began: from now on it has `limitMs`. */
  caseStarted(caseId: string, limitMs: number): void
  /** Nothing runs now, as at first: the next case or the end has the time between cases. */
  caseEnded(): void
  /** Resolves when a case, or what lies between two (no `caseId`), went past its limit; never rejects. */
  readonly expired: Promise<{ readonly caseId?: string; readonly limitMs: number }>
}

export const caseWatchdog = (betweenMs: number): CaseWatchdog => {
  const { promise: expired, resolve } = Promise.withResolvers<{ caseId?: string; limitMs: number }>()
  let timer: NodeJS.Timeout | undefined
  const watch = (limitMs: number, what: { readonly caseId?: string }) => {
    clearTimeout(timer)
    timer = setTimeout(() => { resolve({ ...what, limitMs }) }, limitMs)
  }
  watch(betweenMs, {})
  return {
    expired,
    caseStarted: (caseId, limitMs) => { watch(limitMs, { caseId }) },
    caseEnded: () => { watch(betweenMs, {}) },
    [Symbol.dispose]: () => { clearTimeout(timer) },
  }
}
