import { setTimeout as sleep } from 'node:timers/promises'
import { parseArgs } from 'node:util'
import { IDS, REGISTER_BAR, REGISTER_BAR_BYTES } from '../../guest-agent/devices/vfio-user-dma-registers.ts'
import { RunningDevice } from '../../images/devices/vfio-user/device/running-device.ts'
import { Session } from '../../images/devices/vfio-user/device/session.ts'
import { type Channel, listen } from '../../images/devices/vfio-user/socket/channel.ts'
import { COMMAND, encodeMessage, type Message } from '../../images/devices/vfio-user/wire/message.ts'
import { payloads } from '../../images/devices/vfio-user/wire/payloads.ts'

/**
 * In place of images/devices/vfio-user-dma a device that is sick. It serves by itself and never comes back to the server's main program.
 * As its options say it is sick from the first message on, or from the first read of a register: `garbage` is no message at all,
 * `stranger` a reply to nothing, `silent` says nothing more, `dies` ends the process.
 */
const { values } = parseArgs({ allowPositionals: true, options: { socket: { type: 'string' }, options: { type: 'string' } } })
const option = (name: string): unknown => {
  const options: unknown = JSON.parse(values.options ?? '{}')
  return typeof options === 'object' && options !== null ? Object.entries(options).find(([key]) => key === name)?.[1] : undefined
}
const way = option('way')
let isSick = option('from') !== 'register'

const ignore = () => undefined
const device = new RunningDevice(
  { ids: IDS, bars: [{ size: REGISTER_BAR_BYTES, index: REGISTER_BAR }] },
  { dma: ignore, reset: ignore, error: ignore, line: ignore },
)

const readsRegister = ({ command, payload }: Message): boolean =>
  command === COMMAND.REGION_READ && payloads.regionAccess.at(payload).get('region') === REGISTER_BAR

const answerSickly = (channel: Channel, { id, command }: Message): void => {
  switch (way) {
    case 'silent':
      break
    case 'dies':
      process.kill(process.pid, 'SIGKILL')
      break
    case 'stranger':
      channel.send(encodeMessage({ id: id ^ 0x5555, command, reply: true }, new Uint8Array(20)))
      break
    default:
      channel.send(Buffer.from('HTTP/1.1 400 Bad Request\r\n\r\n'))
  }
}

listen(values.socket ?? '', (channel) => {
  const session = new Session(channel, device, ignore)
  return {
    message: (message) => {
      isSick ||= readsRegister(message)
      if (isSick) answerSickly(channel, message)
      else session.message(message)
    },
    ended: (because) => { session.ended(because) },
  }
})
process.stdout.write('{"event":"listening"}\n')
for (;;) await sleep(60_000)
