import { randomUUID } from 'node:crypto'
import { readdir, readFile, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { execa } from 'execa'
import { isPrebuilt } from '../../orchestrator/config/own-config.ts'
import type { KernelSpec } from '../../orchestrator/config/resolved-config.ts'
import { openKernelSource } from '../../orchestrator/kernel/kernel-source.ts'
import { OBJECTS_PREFIX, slotsFolder } from '../../orchestrator/kernel/source-slot.ts'
import type { Tools } from '../../orchestrator/toolbox/tools.ts'
import { EVENTS_FILE } from '../../orchestrator/report/events-ndjson.ts'
import { readEvents } from '../../orchestrator/report/read-events.ts'
import type { LabEvent } from '../../orchestrator/run/lab-event.ts'
import { lab, temporaryDir } from '../lab-process.ts'

const FILE = 'drivers/vfio/vfio_main.c'

/** From the command to the last verdict, milliseconds; of that, building. */
export interface ChangeFigures {
  readonly changed: { readonly allMs: number; readonly buildMs: number }
  /** The same patch again. */
  readonly unchanged: { readonly allMs: number; readonly buildMs: number }
  /** With its base, which was judged never before. */
  readonly withBaseMs: number
}

/** One more line at the end of vfio_main.c that nobody compiled before, judged over the default matrix, again, and with its base. */
export const changeFigures = async (kernel: KernelSpec, tools: Tools, signal: AbortSignal): Promise<ChangeFigures> => {
  await using dir = await temporaryDir()
  const patch = join(dir.path, 'one-line.patch')
  await writeFile(patch, await oneLine(kernel, tools, signal))
  const timed = async (...more: readonly string[]) => {
    await using out = await temporaryDir()
    const startedAt = performance.now()
    const ended = await execa(lab, ['run', '--out', out.path, '--patch', patch, ...more], { reject: false, stdin: 'ignore' })
    const allMs = performance.now() - startedAt
    if (ended.exitCode !== 0) throw new Error(`the run ended with ${String(ended.exitCode)}:\n${ended.stdout.slice(-2000)}\n${ended.stderr}`)
    return { allMs, buildMs: buildMs(readEvents(join(out.path, EVENTS_FILE))) }
  }
  const changed = await timed()
  const unchanged = await timed()
  const { allMs: withBaseMs } = await timed('--base')
  return { changed, unchanged, withBaseMs }
}

const oneLine = async (kernel: KernelSpec, tools: Tools, signal: AbortSignal): Promise<string> => {
  if (isPrebuilt(kernel.source)) throw new Error(`${kernel.name} is prebuilt: it cannot be patched`)
  const opened = await openKernelSource(kernel.source, { tools, signal, notice: () => undefined, onText: () => undefined })
  await using source = await opened.prepare([])
  const lines = (await readFile(join(source.slot.tree, FILE), 'utf8')).trimEnd().split('\n')
  return `--- a/${FILE}\n+++ b/${FILE}\n@@ -${lines.length} +${lines.length},2 @@\n ${lines.at(-1) ?? ''}\n+MODULE_INFO(measured, "${randomUUID()}");\n`
}

/** From the first config that is configured to the last kernel that is stored: some are built at the same time. */
const buildMs = (events: readonly LabEvent[]): number => {
  const steps = events.flatMap((event) => (event.event === 'kernel-progress' ? [{ atMs: event.atMs, ...event.progress }] : []))
  const first = steps.find(({ phase }) => phase === 'configure')
  const last = steps.findLast((step) => step.phase === 'stored' && !step.fromStore)
  return first === undefined || last === undefined ? 0 : last.atMs - first.atMs
}

/** Bytes on the disk of the object trees of these configs in every slot of this kernel, patched or not. */
export const objectTreeBytes = async (slotPrefix: string, configs: readonly string[]): Promise<number> => {
  const slots = (await readdir(slotsFolder())).filter((name) => name === slotPrefix || name === `${slotPrefix}+patched`)
  const sizes = await Promise.all(slots.flatMap((slot) => configs.map((config) => bytesBelow(join(slotsFolder(), slot, 'tree', `${OBJECTS_PREFIX}${config}`)))))
  return sizes.reduce((sum, bytes) => sum + bytes, 0)
}

const bytesBelow = async (folder: string): Promise<number> => {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true }).catch(() => [])
  const sizes = await Promise.all(entries.filter((entry) => entry.isFile()).map(async (entry) => (await stat(join(entry.parentPath, entry.name))).blocks * 512))
  return sizes.reduce((sum, bytes) => sum + bytes, 0)
}
