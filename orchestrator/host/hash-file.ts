import { createHash } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { pipeline } from 'node:stream/promises'

/** The SHA-256 of a file, however large. Rejects with the signal's reason when aborted. */
export const hashFile = async (path: string, signal: AbortSignal): Promise<Buffer> => {
  const digest = createHash('sha256')
  await pipeline(createReadStream(path), digest, { signal })
  return digest.digest()
}
