import { type AgentEvent, type AgentRequest, PROTOCOL_VERSION } from '../../guest-agent/protocol.ts'
import { invalidOutput } from './event-lines.ts'

/**
 * Checks that valid events also make sense one after another: a run says hello first and in our version, only cases that were asked for, each
 * started once, ended once and not two at a time. Throws LabError lab/AGENT_OUTPUT_INVALID.
 */
export const eventOrder = (request: AgentRequest): ((event: AgentEvent) => void) => {
  const toCome = new Set('run' in request ? request.run.cases : [])
  let greeted = false
  let running: string | undefined
  const refuse = (what: string, event: AgentEvent): never => { throw invalidOutput(what, JSON.stringify(event)) }
  return (event) => {
    if (!greeted && 'run' in request && event.event !== 'hello' && event.event !== 'agent-error') refuse('something before hello', event)
    switch (event.event) {
      case 'hello':
        if (greeted) refuse('hello twice', event)
        if (event.protocol !== PROTOCOL_VERSION) refuse(`that it speaks protocol ${event.protocol}, not ${PROTOCOL_VERSION}`, event)
        greeted = true
        return
      case 'uapi':
      case 'catalogue':
        if (!('list' in request)) refuse('its catalogue without being asked for it', event)
        return
      case 'case-start':
        if (running !== undefined) refuse(`that a case starts while ${running} runs`, event)
        if (!toCome.delete(event.id)) refuse('that a case starts that was not asked for', event)
        running = event.id
        return
      case 'case-end':
        if (running !== event.id) refuse('that a case ended that did not run', event)
        running = undefined
        return
      case 'bye':
        if (running !== undefined) refuse(`bye while ${running} runs`, event)
        return
      case 'plug':
      case 'unplug':
      case 'output':
        if (running === undefined) refuse(`${event.event} while no case runs`, event)
        return
      case 'note':
      case 'agent-error':
    }
  }
}
