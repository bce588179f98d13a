import { dirname, isAbsolute } from 'node:path'
import { hostCommand } from './host-tools.ts'
import type { ToolCommand, ToolInvocation, Tools } from './tools.ts'

/** Which QEMU is started, and what is around it. */
export interface QemuProgram {
  /** An absolute path on the host, or a name that is looked up. */
  readonly program: string
  /** `tools`: with the libraries and the firmware of the tools. `host`: somebody's own, as it runs in his shell. */
  readonly runsIn: 'tools' | 'host'
}

/** The one that comes with the tools, by the name that every distribution has for it. */
export const TOOLS_QEMU: QemuProgram = { program: 'qemu-system-x86_64', runsIn: 'tools' }

/** How to start it; feed it to host/spawn.ts. */
export const qemuCommand = ({ program, runsIn }: QemuProgram, tools: Tools, invocation: Omit<ToolInvocation, 'program'>): ToolCommand => {
  if (runsIn === 'host') return hostCommand({ ...invocation, program })
  const read = [...invocation.read ?? [], ...(isAbsolute(program) ? [dirname(program)] : [])]
  return tools.command({ ...invocation, program, read: [...new Set(read)] })
}
