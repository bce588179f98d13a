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

/**
 * QEMU gives memory back to the kernel (malloc_trim) whenever it has freed some, which it does each time that a BAR or a vIOMMU's region comes or
 * goes, and a VFIO device that is opened or closed does that; then it faults it in again. With glibc's allocator a third of the time of a cell is spent so.
 */
const ALLOCATOR = { LD_PRELOAD: 'libjemalloc.so.2' }

/** How to start it; feed it to host/spawn.ts. */
export const qemuCommand = ({ program, runsIn }: QemuProgram, tools: Tools, invocation: Omit<ToolInvocation, 'program'>): ToolCommand => {
  if (runsIn === 'host') return hostCommand({ ...invocation, program })
  const read = [...invocation.read ?? [], ...(isAbsolute(program) ? [dirname(program)] : [])]
  const env = { ...(tools.kind === 'toolbox' ? ALLOCATOR : {}), ...invocation.env }
  return tools.command({ ...invocation, program, read: [...new Set(read)], env })
}
