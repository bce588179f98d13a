import { z } from 'zod'
import { ProtocolError } from './errors.ts'
import { MAX_DATA_BYTES } from './message.ts'
import { payloads } from './payloads.ts'

/** What both sides keep to after the first message. */
export interface Terms {
  readonly minor: number
  /** Most data in one DMA_READ or DMA_WRITE, in bytes. */
  readonly maxDataBytes: number
  /** Most descriptors that this side takes with one message. */
  readonly maxFds: number
  /** Will the client put several register writes into one message? */
  readonly writeMultiple: boolean
}

const MAJOR = 0
const MINOR = 0
const DEFAULT_FDS = 1
/** QEMU sends no more than this and refuses a server that offers more. */
const MAX_FDS = 16
const MAX_TEXT_BYTES = 64 * 1024

const positive = z.int().positive()
const proposal = z.object({
  capabilities: z.object({
    max_msg_fds: positive.optional(),
    max_data_xfer_size: positive.optional(),
    write_multiple: z.boolean().optional(),
  }).optional(),
})

/**
 * Reads the client's VERSION and says what goes. Throws ProtocolError when there is nothing to agree on; then the server hangs up,
 * as the protocol has it.
 */
export const agree = (payload: Uint8Array): Terms => {
  if (payload.byteLength < payloads.version.size) throw new ProtocolError(`VERSION with ${payload.byteLength} bytes`)
  const version = payloads.version.at(payload)
  if (version.get('major') !== MAJOR) throw new ProtocolError(`the client speaks version ${version.get('major')}, this server ${MAJOR}`)
  const { capabilities = {} } = parse(version.tail)
  return {
    minor: Math.min(version.get('minor'), MINOR),
    maxDataBytes: Math.min(capabilities.max_data_xfer_size ?? MAX_DATA_BYTES, MAX_DATA_BYTES),
    maxFds: Math.min(capabilities.max_msg_fds ?? DEFAULT_FDS, MAX_FDS),
    writeMultiple: capabilities.write_multiple ?? false,
  }
}

/** Offers no more than the client did; no twin socket, so that requests and replies share this one. */
export const versionReply = ({ minor, maxFds, maxDataBytes, writeMultiple }: Terms): readonly Uint8Array[] => {
  const capabilities = { max_msg_fds: maxFds, max_data_xfer_size: maxDataBytes, ...(writeMultiple ? { write_multiple: true } : {}) }
  return [payloads.version.make({ major: MAJOR, minor }).bytes, new TextEncoder().encode(`${JSON.stringify({ capabilities })}\0`)]
}

const parse = (bytes: Uint8Array): z.infer<typeof proposal> => {
  if (bytes.byteLength === 0) return {}
  if (bytes.byteLength > MAX_TEXT_BYTES) throw new ProtocolError(`the capabilities in VERSION have ${bytes.byteLength} bytes`)
  if (bytes.indexOf(0) !== bytes.byteLength - 1) throw new ProtocolError('the capabilities in VERSION do not end with their only NUL')
  const parsed = proposal.safeParse(jsonIn(bytes.subarray(0, -1)))
  if (!parsed.success) throw new ProtocolError('the capabilities in VERSION are not what the protocol has')
  return parsed.data
}

const jsonIn = (bytes: Uint8Array): unknown => {
  try {
    return JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes))
  } catch (cause) {
    throw new ProtocolError('the capabilities in VERSION are no JSON', { cause })
  }
}
