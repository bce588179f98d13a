/** No two bytes next to each other are equal, and no page of zeroes looks like it. */
export const pattern = (length: number): Uint8Array<ArrayBuffer> =>
  Uint8Array.from({ length }, (_, index) => (index * 7 + (index >> 8) + 1) & 0xff)
