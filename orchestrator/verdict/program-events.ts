import type { AgentEvent } from '../../guest-agent/protocol.ts'
import { cleanLine } from '../host/clean-text.ts'
import type { PlannedCase } from '../plan/plan.ts'
import { judgeProgram } from './judge-program.ts'

/**
 * The events of a guest, with the verdict on each program in its case's end: the agent tells what the program said and how it ended, and nothing of what that means.
 * @param cases those that the guest was asked to run
 */
export const programEvents = (cases: readonly PlannedCase[]): ((event: AgentEvent) => AgentEvent) => {
  const programs = new Map(cases.flatMap(({ id, program }) => (program === undefined ? [] : [[id, program] as const])))
  let said: { readonly stdout: string[]; readonly stderr: string[] } = { stdout: [], stderr: [] }
  return (event) => {
    if (event.event === 'case-start') said = { stdout: [], stderr: [] }
    if (event.event === 'output') said[event.stream].push(cleanLine(event.text, 2_000))
    if (event.event !== 'case-end' || event.outcome !== 'pass') return event
    const program = programs.get(event.id)
    if (program === undefined) return event
    if (event.program === undefined) return { ...event, outcome: 'fail', message: 'the agent does not say how the program ended' }
    return { ...event, ...judgeProgram({ ...said, output: program.output, test: program.test, end: event.program }) }
  }
}
