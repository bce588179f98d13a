const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const

/** The reason of the interrupt signal's abort; whoever waits rejects with it. */
export class Interrupted extends Error {
  override readonly name = 'Interrupted'
  readonly by: NodeJS.Signals

  constructor(by: NodeJS.Signals) {
    super(`interrupted by ${by}`)
    this.by = by
  }
}

let controller: AbortController | undefined

/**
 * Aborted by the first SIGINT, SIGTERM or SIGHUP, with an `Interrupted` as its reason; a second one exits at once with 130.
 * Handlers are installed by the first call.
 */
export const interruptSignal = (): AbortSignal => {
  if (controller === undefined) {
    const installed = new AbortController()
    for (const name of SIGNALS) process.on(name, () => { onSignal(installed, name) })
    controller = installed
  }
  return controller.signal
}

const onSignal = (installed: AbortController, name: NodeJS.Signals): void => {
  if (installed.signal.aborted) process.exit(130)
  installed.abort(new Interrupted(name))
}
