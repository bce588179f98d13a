import { closeSync, fsyncSync, openSync, renameSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Results } from '../verdict/results.ts'
import { resultsFold } from './fold-results.ts'
import type { Reporter } from './reporter.ts'

export const RESULTS_FILE = 'results.json'

/** results.json, written when the run ends; there is never half of one. */
export const resultsJson = (runDir: string): Reporter => {
  const fold = resultsFold()
  return {
    name: RESULTS_FILE,
    onEvent: fold.onEvent,
    onEnd: () => {
      const results = fold.results()
      if (results !== undefined) publishFile(join(runDir, RESULTS_FILE), resultsText(results))
    },
  }
}

export const resultsText = (results: Results): string => `${JSON.stringify(results, null, 2)}\n`

const publishFile = (path: string, text: string) => {
  const aside = `${path}.part`
  const fd = openSync(aside, 'w')
  try {
    writeFileSync(fd, text)
    fsyncSync(fd)
  } finally {
    closeSync(fd)
  }
  renameSync(aside, path)
}
