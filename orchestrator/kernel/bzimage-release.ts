/** What the header of a bzImage says, or why the file is none that a guest could boot. */
export type BzImageHeader = { readonly release: string } | { readonly because: string }

// Offsets and bits of the setup header (Documentation/arch/x86/boot.rst).
const SETUP_SECTS = 0x1f1
const BOOT_FLAG = 0x1fe
const MAGIC = 0x202
const PROTOCOL = 0x206
const KERNEL_VERSION = 0x20e
const LOADFLAGS = 0x211
const XLOADFLAGS = 0x236
const HEADER_END = 0x238
const SECTOR = 0x200
const LOADED_HIGH = 1
const XLF_KERNEL_64 = 1

/** Reads the release (`uname -r`) out of a bzImage; its first 33 KiB are enough. */
export const bzImageRelease = (image: Uint8Array): BzImageHeader => {
  if (image.length < HEADER_END) return { because: `it has ${image.length} bytes` }
  const bytes = Buffer.from(image.buffer, image.byteOffset, image.length)
  if (bytes.readUInt16LE(BOOT_FLAG) !== 0xaa55 || bytes.toString('latin1', MAGIC, MAGIC + 4) !== 'HdrS') return { because: 'it has no boot header' }
  if ((bytes.readUInt8(LOADFLAGS) & LOADED_HIGH) === 0) return { because: 'it is a zImage' }
  // The word for 64 bits came with protocol 2.12, Linux 3.8.
  if (bytes.readUInt16LE(PROTOCOL) < 0x20c || (bytes.readUInt16LE(XLOADFLAGS) & XLF_KERNEL_64) === 0) return { because: 'it is no 64-bit kernel' }
  const at = bytes.readUInt16LE(KERNEL_VERSION)
  const setupEnd = SECTOR * ((bytes.readUInt8(SETUP_SECTS) || 4) + 1)
  const text = at === 0 ? '' : bytes.toString('latin1', at + SECTOR, Math.min(setupEnd, bytes.length))
  const release = /^[\w.+~-]{1,64}(?=[ \0])/.exec(text)?.[0]
  return release === undefined ? { because: 'its header names no version' } : { release }
}
