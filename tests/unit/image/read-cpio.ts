import type { CpioEntry } from '../../../orchestrator/image/cpio.ts'

const HEADER = 110
const KINDS = { 0o100000: 'file', 0o040000: 'folder', 0o120000: 'link', 0o020000: 'character-device' } as const

/** A reader of "newc" archives that knows nothing of the writer. */
export const readCpio = (archive: Uint8Array): readonly CpioEntry[] => {
  const bytes = Buffer.from(archive)
  const entries: CpioEntry[] = []
  for (let at = 0; ;) {
    if (bytes.toString('latin1', at, at + 6) !== '070701') throw new Error(`no header at ${at}`)
    const field = (index: number) => Number.parseInt(bytes.toString('latin1', at + 6 + index * 8, at + 14 + index * 8), 16)
    const path = bytes.toString('utf8', at + HEADER, at + HEADER + field(11) - 1)
    if (path === 'TRAILER!!!') return entries
    const dataAt = aligned(at + HEADER + field(11))
    const data = bytes.subarray(dataAt, dataAt + field(6))
    entries.push(entryOf(path, field(1), data, field(9), field(10)))
    at = aligned(dataAt + field(6))
  }
}

const entryOf = (path: string, fullMode: number, data: Buffer, major: number, minor: number): CpioEntry => {
  const mode = fullMode & 0o7777
  const kind = Object.entries(KINDS).find(([format]) => Number(format) === (fullMode & 0o170000))?.[1]
  switch (kind) {
    case 'file': return { kind, path, mode, data }
    case 'folder': return { kind, path, mode }
    case 'link': return { kind, path, target: data.toString('utf8') }
    case 'character-device': return { kind, path, mode, major, minor }
    case undefined: throw new Error(`${path}: unknown format ${fullMode.toString(8)}`)
  }
}

const aligned = (at: number): number => Math.ceil(at / 4) * 4
