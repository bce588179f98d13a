import type { Readable } from 'node:stream'

/** A request carries a whole .config. */
const MAX_REQUEST_BYTES = 4 * 1024 * 1024

/** The first line that comes; the rest of the input is not read. */
export const firstLine = async (input: Readable): Promise<string> => {
  const chunks: Buffer[] = []
  let length = 0
  const incoming: AsyncIterable<Uint8Array | string> = input.iterator({ destroyOnReturn: false })
  for await (const chunk of incoming) {
    const bytes = typeof chunk === 'string' ? Buffer.from(chunk) : Buffer.from(chunk)
    const end = bytes.indexOf(0x0a)
    chunks.push(end === -1 ? bytes : bytes.subarray(0, end))
    length += bytes.byteLength
    if (end !== -1) break
    if (length > MAX_REQUEST_BYTES) throw new Error(`the request is longer than ${MAX_REQUEST_BYTES} bytes`)
  }
  return Buffer.concat(chunks).toString('utf8')
}
