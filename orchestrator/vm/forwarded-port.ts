import { z } from 'zod'
import { labFault } from '../host/errors.ts'
import type { Qmp } from './qmp.ts'

/** The loopback port that QEMU chose for the guest's SSH. QEMU binds and then tells, so nobody else can take it in between. */
export const forwardedPort = async (qmp: Qmp): Promise<number> => {
  const text = z.string().parse(await qmp.execute('human-monitor-command', { 'command-line': 'info usernet' }))
  const port = parseForwardedPort(text)
  if (port === undefined) throw labFault('QMP_FAILED', 'QEMU does not say which port it forwards to the guest', { tail: text.split('\n') })
  return port
}

/** A row of `info usernet`: `TCP[HOST_FORWARD]  13       127.0.0.1 38721       10.0.2.15    22     0     0`. */
export const parseForwardedPort = (table: string): number | undefined => {
  const port = /TCP\[HOST_FORWARD\]\s+\d+\s+127\.0\.0\.1\s+(\d+)\s+\S+\s+22\s/.exec(table)?.[1]
  return port === undefined ? undefined : Number(port)
}
