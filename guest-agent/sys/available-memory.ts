import { readText } from './text-file.ts'

/** Bytes that the kernel could give before it would be short of memory (MemAvailable of /proc/meminfo). */
export const availableBytes = (): number => Number(/^MemAvailable:\s+(\d+) kB$/m.exec(readText('/proc/meminfo') ?? '')?.[1] ?? 0) * 1024
