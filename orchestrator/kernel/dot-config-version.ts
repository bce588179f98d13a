/** The kernel version in the head of a .config, `# Linux/x86 7.3.0-rc7 Kernel Configuration`; undefined when there is none, or of another architecture. */
export const dotConfigVersion = (text: string): string | undefined => /^# Linux\/x86(?:_64)? (\S+) Kernel Configuration$/m.exec(text)?.[1]

/**
 * Whether a .config of this version can be that of a kernel of this release. A distribution's release is a name of its own, `7.3-amd64` or
 * `6.1.0-18-amd64` for 6.1.76: only what both surely say is held against each other.
 */
export const sameVersion = (version: string, release: string): boolean => {
  const [a, b] = [numbers(version), numbers(release)]
  return a.major === b.major && a.minor === b.minor && (a.sublevel === 0 || b.sublevel === 0 || a.sublevel === b.sublevel)
}

const numbers = (text: string) => {
  const [, major = '', minor = '', sublevel] = /^(\d+)\.(\d+)(?:\.(\d+))?/.exec(text) ?? []
  return { major, minor, sublevel: Number(sublevel ?? 0) }
}
