/** What a text says as JSON; undefined: it is none, and the schema that looks at it next says so. */
export const jsonOf = (text: string): unknown => {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}
