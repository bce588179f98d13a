import type { Readable } from 'node:stream'
import { cleanLine } from '../host/clean-text.ts'
import { lineSplitter } from '../host/line-splitter.ts'
import type { DeviceServer } from './device-server.ts'

/** What QEMU says when a server does not speak vfio-user, or not in time; few of these lines name the device (hw/vfio-user/proxy.c). */
const COMPLAINTS = [
  /vfio[-_]user/,
  /server closed socket|failed to read header|timed out waiting/,
  /short read of header|bad header size|unknown message type|unexpected reply|unexpected FDs|reply larger than recv buffer/,
]

/** The end of a server, which made QEMU complain, may be heard of after the complaint, and says more. */
export const DEVICE_LAG_MS = 100

/** Tells when QEMU says that it cannot go on with a device; it goes on without it, and the guest sees a device that reads as all ones. */
export const watchComplaints = (stderr: Readable, devices: readonly DeviceServer[], tell: (because: string) => void): void => {
  if (devices.length === 0) return
  const names = devices.map(({ name }) => name).join(', ')
  const lines = lineSplitter((line) => {
    if (/: warning: /.test(line) || !COMPLAINTS.some((complaint) => complaint.test(line))) return
    const because = `QEMU cannot go on with ${devices.length === 1 ? 'the device' : 'one of the devices'} ${names}: ${cleanLine(withNames(line, devices), 400)}`
    setTimeout(() => { tell(because) }, DEVICE_LAG_MS)
  }, 4096)
  stderr.on('data', (chunk: Buffer) => { lines.push(chunk) })
}

/** What QEMU says, with the devices' names in place of their sockets and of the JSON that plugged them in. */
export const withNames = (said: string, devices: readonly DeviceServer[]): string =>
  devices.reduce((text, { name, socket, qemuDevice }) => text.replaceAll(`-device ${qemuDevice}`, name).replaceAll(socket, name), said)
