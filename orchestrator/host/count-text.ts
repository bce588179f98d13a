/** `1 case`, `2 cases`; a plural that is not made by an s is said. */
export const countText = (count: number, one: string, many = `${one}s`): string => `${count} ${count === 1 ? one : many}`
