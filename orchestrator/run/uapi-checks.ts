import type { UapiBeliefs } from '../../guest-agent/protocol.ts'
import { checkUapi, type UapiCheck } from '../kernel/uapi-check.ts'
import type { CellPlan } from '../plan/plan.ts'
import type { Tools } from '../toolbox/tools.ts'
import type { Emit } from './emit.ts'

/** The check of a kernel's headers, by the kernel's name; undefined: it was not built. */
export type UapiChecks = (kernel: string) => Promise<UapiCheck | undefined>

/**
 * Starts the checks of all kernels of a plan. They go on while the first guests boot: who judges a cell waits for its kernel's. Kernels of a series
 * that have the same headers share one. What nobody knows yet of a kernel's headers is told once.
 */
export const startUapiChecks = (
  cells: readonly CellPlan[], { uapi, tools, signal }: { readonly uapi: UapiBeliefs; readonly tools: Tools; readonly signal: AbortSignal }, emit: Emit,
): UapiChecks => {
  const byHeaders = new Map<string, Promise<UapiCheck>>()
  const checks = new Map<string, Promise<UapiCheck>>()
  for (const { cell, kernel } of cells) {
    // The headers are the source's, whatever the config.
    if (kernel.status !== 'built' || checks.has(cell.kernel.name)) continue
    const text = JSON.stringify(kernel.headers)
    const check = byHeaders.get(text) ?? checkUapi(kernel.headers, uapi, { tools, signal })
    byHeaders.set(text, check)
    checks.set(cell.kernel.name, check)
    check.then(({ unknown }) => {
      if (unknown.length > 0) emit({ event: 'notice', text: `${cell.kernel.name}: its uapi headers have what no case knows: ${unknown.join(', ')}` })
    }, () => undefined)
  }
  return async (kernel) => checks.get(kernel)
}
