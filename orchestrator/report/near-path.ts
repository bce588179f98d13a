import { relative, sep } from 'node:path'

/** An absolute path as the user may type it in the folder where he is: below it without its beginning, elsewhere as it is. */
export const nearPath = (path: string, cwd: string): string => {
  const near = relative(cwd, path)
  if (near === '') return '.'
  return near.startsWith(`..${sep}`) ? path : near
}
