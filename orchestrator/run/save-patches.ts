import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { KernelSpec } from '../config/resolved-config.ts'

/** Where a run's folder has the patches that were under test. */
export const PATCHES_FOLDER = 'patches'

/** Keeps the series that the kernels of a run have on them, so that it can be had again when it came from a pipe: `0001-title.patch`. */
export const savePatches = async (runDir: string, kernels: readonly KernelSpec[]): Promise<void> => {
  const texts = new Map(kernels.flatMap(({ patches }) => patches).map((patch) => [patch.text, patch]))
  if (texts.size === 0) return
  const folder = join(runDir, PATCHES_FOLDER)
  await mkdir(folder, { recursive: true })
  for (const [index, { title, text }] of [...texts.values()].entries()) {
    // A mail's subject never names a path.
    const slug = title.toLowerCase().replaceAll(/[^a-z0-9]+/g, '-').replaceAll(/^-|-$/g, '').slice(0, 60)
    await writeFile(join(folder, `${String(index + 1).padStart(4, '0')}-${slug === '' ? 'patch' : slug}.patch`), text, 'latin1')
  }
}
