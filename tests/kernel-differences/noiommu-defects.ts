import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { z } from 'zod'

const described = {
  id: z.string().regex(/^[DEF]\d+$/),
  /** What goes wrong. */
  defect: z.string().min(20),
  /** In the kernel: the file, and the functions or the symbol. */
  where: z.string().min(1),
  /** The last version of the series that has it, and where it shows. */
  stands: z.string().min(1),
}

const shown = z.strictObject({
  ...described,
  /** Each fails, or kills the kernel, where the defect is. */
  cases: z.array(z.string()).min(1),
  /** A config of the lab that is not built without this symbol: its cells fail, too. */
  asks: z.strictObject({ config: z.string(), symbol: z.string() }).optional(),
})
const notShown = z.strictObject({ ...described, reason: z.string().min(20) })

/** A defect of the series that brought noiommu cdevs (Linux 7.3), found by its reviewers (D), by reading it (E), or by running the lab on it (F); and what of the lab shows it, or why nothing does. */
export type NoiommuDefect = z.infer<typeof shown> | z.infer<typeof notShown>

export const noiommuDefects = async (): Promise<readonly NoiommuDefect[]> =>
  parseDefects(await readFile(join(import.meta.dirname, 'noiommu-defects.json'), 'utf8'))

export const parseDefects = (text: string): readonly NoiommuDefect[] => z.array(z.union([shown, notShown])).parse(JSON.parse(text))
