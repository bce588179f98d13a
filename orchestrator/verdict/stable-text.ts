/**
 * The text without what differs between two runs of the same kernel: addresses, times, process ids. Two messages that are the same
 * this way say the same; an errno, an ioctl's name or a small number are left as they are.
 */
export const stableText = (text: string): string =>
  text
    .replaceAll(/\b(?:0x)?[0-9a-f]{8,16}\b/gi, (hex) => (/[a-f]|^0x/i.test(hex) || hex.length === 16 ? 'ADDRESS' : hex))
    .replaceAll(/\b\d+(?:\.\d+)?\s?(?:ns|us|µs|ms|s|seconds)\b/g, 'TIME')
    .replaceAll(/\b(pid|process|fd)([ =:]+)\d+/gi, '$1$2N')
