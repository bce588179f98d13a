/**
 * What was last asked of the kernel. An assertion that expected a refusal and saw success names the call with it.
 */
let lastCall = ''

export const noteCall = (call: string): void => {
  lastCall = call
}

export const takeLastCall = (): string => {
  const call = lastCall
  lastCall = ''
  return call
}
