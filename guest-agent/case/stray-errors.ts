import process from 'node:process'

/** The errors that nobody caught: of promises that were not awaited, of callbacks. They would end the process; here they fail a case. */
export interface StrayErrors extends Disposable {
  /** What came since the last call, in words. */
  readonly take: () => readonly string[]
}

export const strayErrors = (): StrayErrors => {
  const found: string[] = []
  const onError = (error: unknown): void => {
    found.push(`an error that nobody caught: ${error instanceof Error ? error.message : String(error)}`)
  }
  process.on('unhandledRejection', onError).on('uncaughtException', onError)
  return {
    take: () => found.splice(0),
    [Symbol.dispose]: () => { process.off('unhandledRejection', onError).off('uncaughtException', onError) },
  }
}
