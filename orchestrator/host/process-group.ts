import { setTimeout as sleep } from 'node:timers/promises'

const alive = new Set<number>()

/** Remembers a process group, so that it dies with this process however this process exits. */
export const guardGroup = (leader: number): void => {
  if (alive.size === 0) process.on('exit', killAll)
  alive.add(leader)
}

/** Kills what is left of the group and forgets it. Call when its leader has ended. */
export const releaseGroup = (leader: number): void => {
  if (!alive.delete(leader)) return
  signalGroup(leader, 'SIGKILL')
  if (alive.size === 0) process.off('exit', killAll)
}

/** SIGTERM, and SIGKILL after the grace time unless `ended` settled before. */
export const endGroup = async (leader: number, ended: Promise<unknown>, graceMs: number): Promise<void> => {
  if (!alive.has(leader)) return
  signalGroup(leader, 'SIGTERM')
  const grace = new AbortController()
  const inTime = await Promise.race([ended.then(() => true), sleep(graceMs, false, { signal: grace.signal })])
  grace.abort()
  if (!inTime) signalGroup(leader, 'SIGKILL')
  await ended
}

const signalGroup = (leader: number, signal: NodeJS.Signals): void => {
  try {
    process.kill(-leader, signal)
  } catch (error) {
    // ESRCH: nobody is left. EPERM: only processes of another user are left (sudo), which end with their parent.
    if (!(error instanceof Error && 'code' in error && (error.code === 'ESRCH' || error.code === 'EPERM'))) throw error
  }
}

const killAll = (): void => {
  for (const leader of alive) signalGroup(leader, 'SIGKILL')
}
