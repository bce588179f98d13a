const ESC = String.fromCharCode(0x1b)
const BEL = String.fromCharCode(0x07)
// ECMA-48: OSC, DCS, SOS, PM and APC strings up to their end; CSI sequences; the other escapes; each also in its 8-bit form.
const STRINGS = new RegExp(`(?:${ESC}[\\]PX^_]|[\u0090\u0098\u009d-\u009f])[^${BEL}${ESC}\u009c]*(?:${BEL}|${ESC}\\\\|\u009c|$)`, 'g')
const SEQUENCES = new RegExp(`(?:${ESC}\\[|\u009b)[0-?]*[ -/]*[@-~]?`, 'g')
const ESCAPES = new RegExp(`${ESC}[ -/]*[0-~]?`, 'g')
// Every control character but tab; and what makes a terminal show text in another order than it has.
const CONTROLS = /(?!\t)\p{Cc}|[\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff]/gu

/**
 * One line of untrusted text, fit for a terminal and a report: no escape sequences, no control characters but tab,
 * at most maxChars characters, the last of which is an ellipsis when something was cut.
 */
export const cleanLine = (text: string, maxChars = 1000): string => {
  // Cut first, so that a line of 100 MB costs nothing; escapes may make it shorter still.
  const bounded = text.length > maxChars * 4 ? text.slice(0, maxChars * 4) : text
  const clean = bounded.replace(STRINGS, '').replace(SEQUENCES, '').replace(ESCAPES, '').replace(CONTROLS, '').toWellFormed()
  const cut = clean.length > maxChars || bounded.length < text.length
  return cut ? `${clean.slice(0, maxChars - 1).toWellFormed()}…` : clean
}
