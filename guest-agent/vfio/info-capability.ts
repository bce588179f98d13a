import { vfioStructs } from '../uapi/vfio.ts'

/** One entry of the capability chain behind an info struct (struct vfio_info_cap_header). */
export interface InfoCapability {
  readonly id: number
  readonly version: number
  /** What follows its header, up to the end of the answer. */
  readonly data: Uint8Array
}

/** The chain that starts at `offset` of an answer; 0 is none. A chain that runs backwards or out of the answer is an error. */
export const infoCapabilities = (answer: Uint8Array, offset: number): readonly InfoCapability[] => {
  const { infoCapHeader } = vfioStructs
  const found: InfoCapability[] = []
  for (let at = offset, before = 0; at !== 0;) {
    if (at <= before || at + infoCapHeader.size > answer.byteLength) {
      throw new Error(`capability chain: offset ${at} after ${before} in an answer of ${answer.byteLength} bytes`)
    }
    const header = infoCapHeader.at(answer, at)
    found.push({ id: header.get('id'), version: header.get('version'), data: answer.subarray(at + infoCapHeader.size) })
    before = at
    at = header.get('next')
  }
  return found
}
