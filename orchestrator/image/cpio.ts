/** One thing in an archive. Paths are relative; a folder must come before what is in it. */
export type CpioEntry = { readonly path: string } & (
  | { readonly kind: 'file'; readonly data: Uint8Array; readonly mode: number }
  | { readonly kind: 'folder'; readonly mode: number }
  | { readonly kind: 'link'; readonly target: string }
  | { readonly kind: 'character-device'; readonly mode: number; readonly major: number; readonly minor: number }
)

const TRAILER = 'TRAILER!!!'
const FORMAT = { file: 0o100000, folder: 0o040000, link: 0o120000, 'character-device': 0o020000 } as const
/** The kernel unpacks archives that follow each other; each begins on a word. A block also suits other tools. */
const BLOCK = 512

/**
 * An archive in the "newc" format (Documentation/driver-api/early-userspace/buffer-format.rst): all owned by root, no time
 * stamps, so that the same entries give the same bytes. Padded to 512 bytes: archives may simply be put one after another.
 */
export const cpioArchive = (entries: readonly CpioEntry[]): Uint8Array => {
  const records = entries.map((entry, index) => record(entry, index + 1))
  return padded(Buffer.concat([...records, trailer()]), BLOCK)
}

const record = (entry: CpioEntry, inode: number): Buffer => {
  const data = content(entry)
  const device = entry.kind === 'character-device' ? entry : { major: 0, minor: 0 }
  const mode = FORMAT[entry.kind] | (entry.kind === 'link' ? 0o777 : entry.mode)
  const links = entry.kind === 'folder' ? 2 : 1
  return Buffer.concat([head(entry.path, [inode, mode, 0, 0, links, 0, data.length, 0, 0, device.major, device.minor]), padded(data, 4)])
}

const trailer = (): Buffer => head(TRAILER, [0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0])

const content = (entry: CpioEntry): Uint8Array => {
  if (entry.kind === 'file') return entry.data
  return entry.kind === 'link' ? Buffer.from(entry.target) : Buffer.alloc(0)
}

/** Magic and 13 fields of 8 hex digits: the eleven given, the size of the name with its NUL, and a checksum that newc leaves 0. */
const head = (path: string, fields: readonly number[]): Buffer => {
  const name = Buffer.from(`${path}\0`)
  const hex = [...fields, name.length, 0].map((field) => field.toString(16).padStart(8, '0'))
  return padded(Buffer.concat([Buffer.from(`070701${hex.join('')}`), name]), 4)
}

const padded = (data: Uint8Array, multiple: number): Buffer =>
  Buffer.concat([data, Buffer.alloc((multiple - (data.length % multiple)) % multiple)])
