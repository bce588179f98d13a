import fs from 'node:fs'

const DIR = '/sys/kernel/mm/hugepages/hugepages-2048kB'

const read = (name: string): number => Number(fs.readFileSync(`${DIR}/${name}`, 'utf8'))
const write = (total: number): void => { fs.writeFileSync(`${DIR}/nr_hugepages`, total.toString()) }

/** The kernel's memory does not have so many in one piece each. */
export class NoHugePages extends Error {
  override readonly name = 'NoHugePages'
}

/** Sees to it that so many huge pages of 2 MiB are free; the function that it returns gives back what was added. */
export const reserveHugePages = (count: number): (() => void) => {
  const before = read('nr_hugepages')
  const missing = count - read('free_hugepages')
  if (missing <= 0) return () => undefined
  write(before + missing)
  const free = read('free_hugepages')
  const restore = () => { write(before) }
  if (free < count) {
    restore()
    throw new NoHugePages(`${count} huge pages were asked for, the kernel could make ${free}`)
  }
  return restore
}
