import { readFile } from 'node:fs/promises'
import { basename } from 'node:path'
import { yours } from '../host/errors.ts'
import { type FragmentLine, parseFragment } from './fragment.ts'

export interface ParsedFragment {
  /** Of the file, without its folder. */
  readonly name: string
  readonly text: string
  readonly lines: readonly FragmentLine[]
}

/** Throws yours/NO_FRAGMENT, BAD_FRAGMENT_LINE. */
export const readFragment = async (path: string): Promise<ParsedFragment> => {
  const name = basename(path)
  const text = await readFile(path, 'utf8').catch((cause: unknown) => {
    throw yours('NO_FRAGMENT', `the config fragment ${path} cannot be read`, {
      hint: 'fragments are files of kernel-configs/, or paths', cause,
    })
  })
  return { name, text, lines: parseFragment(text, name) }
}
