/** Symbol without CONFIG_ -> value as in the file (strings with their quotes); symbols that are not set are missing. */
export type DotConfig = Readonly<Record<string, string>>

/** Reads a .config as Kconfig writes it. */
export const parseDotConfig = (text: string): DotConfig =>
  Object.fromEntries(
    text.split('\n').flatMap((line) => {
      const [, symbol, value] = /^CONFIG_(\w+)=(.*)$/.exec(line) ?? []
      return symbol === undefined || value === undefined || value === 'n' ? [] : [[symbol, value]]
    }),
  )

/** A line of a .config: `CONFIG_X=value`; a symbol that is `n` stands in a comment. */
export const configLine = (symbol: string, value: string): string => (value === 'n' ? `# CONFIG_${symbol} is not set\n` : `CONFIG_${symbol}=${value}\n`)
