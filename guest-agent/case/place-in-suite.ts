import fs from 'node:fs'
import { fileURLToPath } from 'node:url'

/** How much of the line of code is shown, in characters. */
const MAX_CODE = 120

/**
 * Where in the suites an error came from: `suites/nodes.ts: equal(device.driver, undefined, 'driver after unbind')`.
 * In the guest all of the agent is one file, which names its parts in comments; the line of code says more than its number there.
 */
export const placeInSuite = (error: Error): string | undefined => {
  for (const frame of (error.stack ?? '').split('\n')) {
    const [, url, line] = /(file:\/\/\S+?):(\d+):\d+\)?$/.exec(frame) ?? []
    if (url === undefined) continue
    const place = placeOf(url, Number(line))
    if (place !== undefined) return place
  }
  return undefined
}

const placeOf = (url: string, line: number): string | undefined => {
  const lines = linesOf(fileURLToPath(url))
  const suite = /\/(suites\/[^/]+\.ts)$/.exec(url)?.[1] ?? suiteAbove(lines, line)
  const code = lines[line - 1]?.trim() ?? ''
  return suite === undefined ? undefined : `${suite}: ${code.length > MAX_CODE ? `${code.slice(0, MAX_CODE)}...` : code}`
}

/** The bundler puts `// guest-agent/suites/nodes.ts` above what comes from that file. */
const suiteAbove = (lines: readonly string[], line: number): string | undefined => {
  const part = lines.slice(0, line).findLast((text) => /^\/\/ \S+\.[cm]?[jt]s$/.test(text))
  return part === undefined ? undefined : /\/(suites\/[^/]+\.ts)$/.exec(part)?.[1]
}

const linesOf = (path: string): readonly string[] => {
  try {
    return fs.readFileSync(path, 'utf8').split('\n')
  } catch {
    return []
  }
}
