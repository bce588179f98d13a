import type { Device } from './device/define-device.ts'
import { Report } from './device/report.ts'
import { RunningDevice } from './device/running-device.ts'
import { Session } from './device/session.ts'
import { listen, type Listener } from './socket/channel.ts'

/** Serves the device at this path, to one client after the other. Throws Errno, or RangeError for a device that cannot be. */
export const serve = (device: Device, path: string, print: (line: string) => void): Listener => {
  const report = new Report(print)
  const running = new RunningDevice(device, {
    dma: (record) => { report.dma(record) },
    reset: (by) => { report.line('reset', { by }) },
    error: (error) => { report.error('device-error', error) },
    line: (line) => { report.line('device', line) },
  })
  const listener = listen(path, (channel) => {
    report.line('connected')
    return new Session(channel, running, (because) => { report.line('disconnected', { because }) })
  })
  report.line('listening', { path })
  return listener
}
