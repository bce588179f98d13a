/** The kernel's own last words: the trace comes between the two. */
const PANIC = /Kernel panic - not syncing: (.*)/
const PANIC_END = /---\[ end Kernel panic/
/** Heads of an oops. A warning has an RIP line too, but none of these before it. */
const OOPS = /\bOops\b|\bBUG: |general protection fault|kernel BUG at|unable to handle/i
const RIP = /\bRIP: 0010:([\w.]+)\+0x/
/** How long the trace of a panic may go on after its first line before it counts as whole. */
const TRACE_MS = 400

/**
 * Reads console lines and tells once when the kernel has panicked: `oops in alloc_irq_table`, or `panic: ` and its own words.
 * Tells after the trace, at most 0.4 s after the line that says "Kernel panic".
 */
export const panicWatch = (onPanic: (because: string) => void): ((line: string) => void) => {
  let expectsRip = false
  let oopsIn: string | undefined
  let because: string | undefined
  let told = false
  const tell = () => {
    if (told || because === undefined) return
    told = true
    onPanic(because)
  }
  return (line) => {
    const panic = PANIC.exec(line)?.[1]
    if (because === undefined && panic !== undefined && !PANIC_END.test(line)) {
      because = oopsIn === undefined ? `panic: ${panic}` : `oops in ${oopsIn}`
      setTimeout(tell, TRACE_MS).unref()
    } else if (PANIC_END.test(line)) {
      tell()
    } else if (OOPS.test(line)) {
      expectsRip = true
    } else if (expectsRip) {
      const found = RIP.exec(line)?.[1]
      if (found === undefined) return
      oopsIn = found
      expectsRip = false
    }
  }
}
