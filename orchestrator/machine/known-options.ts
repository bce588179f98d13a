import { yours } from '../host/errors.ts'
import { suggestion } from '../host/nearest-name.ts'

/** A config file runs without type checks: an option that a constructor does not know would be ignored in silence. Throws yours/BAD_MACHINE. */
export const requireKnownOptions = (constructor: string, options: object, known: readonly string[]): void => {
  for (const option of Object.keys(options)) {
    if (!known.includes(option)) throw yours('BAD_MACHINE', `${constructor}(): unknown option ${option}${suggestion(option, known)}`)
  }
}
