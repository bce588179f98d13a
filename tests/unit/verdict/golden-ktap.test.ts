import { readdirSync, readFileSync, existsSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { z } from 'zod'
import { judgeProgram } from '../../../orchestrator/verdict/judge-program.ts'

const FOLDER = join(import.meta.dirname, '../../golden/ktap')

/** NAME.log is what it said on stdout, NAME.stderr on stderr. */
const golden = z.strictObject({
  output: z.enum(['ktap', 'tap', 'exit-code']),
  test: z.string().optional(),
  end: z.strictObject({ status: z.int().exactOptional(), signal: z.string().exactOptional(), cut: z.literal(true).exactOptional() }),
  outcome: z.enum(['pass', 'fail', 'skip', 'timeout']),
  /** What its message begins with. */
  message: z.string().optional(),
})

const linesOf = (path: string): readonly string[] => (existsSync(path) ? readFileSync(path, 'utf8').split('\n').slice(0, -1) : [])

describe('the verdict on a program that said', () => {
  test.each(readdirSync(FOLDER).filter((name) => name.endsWith('.json')).map((name) => name.slice(0, -'.json'.length)))('%s', (name) => {
    const { output, test: asked, end, outcome, message } = golden.parse(JSON.parse(readFileSync(join(FOLDER, `${name}.json`), 'utf8')))
    const verdict = judgeProgram({ output, test: asked, end, stdout: linesOf(join(FOLDER, `${name}.log`)), stderr: linesOf(join(FOLDER, `${name}.stderr`)) })
    expect(verdict.outcome).toBe(outcome)
    if (message === undefined) expect(verdict.message).toBeUndefined()
    else expect(verdict.message?.slice(0, message.length)).toBe(message)
  })
})
