import type { Case } from './define-case.ts'

/** The cases of these ids, in the order of the ids; an id that the catalogue does not have is an error. */
export const findCases = (catalogue: readonly Case[], ids: readonly string[]): readonly Case[] => {
  const byId = new Map(catalogue.map((each) => [each.info.id, each]))
  return ids.map((id) => {
    const found = byId.get(id)
    if (found === undefined) throw new Error(`there is no case ${id} in this agent`)
    return found
  })
}
