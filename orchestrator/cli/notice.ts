/** Tells a person something once, where no reporter is open. */
export const notice = (text: string): void => { process.stderr.write(`${text}\n`) }
