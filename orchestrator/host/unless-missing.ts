/** Undefined instead of the error that there is no such file, or one of the other errors named: `await unlessMissing(readFile(path, 'utf8'))`. */
export const unlessMissing = async <T>(work: Promise<T>, ...also: readonly string[]): Promise<T | undefined> => {
  try {
    return await work
  } catch (error) {
    if (error instanceof Error && 'code' in error && typeof error.code === 'string' && ['ENOENT', ...also].includes(error.code)) return undefined
    throw error
  }
}
