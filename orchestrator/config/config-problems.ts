import { cleanLine } from '../host/clean-text.ts'
import { yours, type LabError } from '../host/errors.ts'

/** One thing that is wrong, at a path in the config such as `configs.noiommu[1]`. */
export interface ConfigProblem {
  readonly at: readonly PropertyKey[]
  readonly text: string
}

const SHOWN = 12

/** All that is wrong with a config file, on one screen. */
export const configError = (file: string, problems: readonly ConfigProblem[]): LabError => {
  const lines = problems.slice(0, SHOWN).map(({ at, text }) => cleanLine(`  ${at.length === 0 ? '' : `${atText(at)}: `}${text}`, 300))
  if (problems.length > SHOWN) lines.push(`  ... and ${problems.length - SHOWN} more`)
  return yours('BAD_CONFIG', [`${file} has ${problems.length === 1 ? 'a problem' : `${problems.length} problems`}:`, ...lines].join('\n'), {
    hint: 'lab.config.ts of vfio-lab is an example that works; orchestrator/config/lab-config.ts says what each key means',
  })
}

/** `machines.intel.devices[0]` */
const atText = (at: readonly PropertyKey[]): string =>
  at.map((key, index) => (typeof key === 'number' ? `[${key}]` : `${index === 0 ? '' : '.'}${String(key)}`)).join('')
