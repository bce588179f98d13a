/** Lines of a terminal as a picture. Knows the colours that the lab paints with (SGR 1, 2, 22, 31, 32, 33, 39) and wraps at `columns`. */
export const terminalSvg = (lines: readonly string[], columns: number): string => {
  const rows = lines.flatMap((line) => wrap(spansOf(line), columns))
  const [width, height] = [round(columns * CELL.width + 2 * MARGIN), rows.length * CELL.height + 2 * MARGIN]
  const text = rows.map((row, index) => {
    const y = MARGIN + index * CELL.height + CELL.ascent
    let column = 0
    return row.map(({ words, style }) => {
      const from = column
      column += words.length
      // SVG makes one space of many: each word gets its own place. textLength keeps the columns whatever font the reader has.
      return Array.from(words.matchAll(/\S+(?: \S+)*/g), ({ 0: run, index }) =>
        `<text x="${round(MARGIN + (from + index) * CELL.width)}" y="${y}" textLength="${round(run.length * CELL.width)}" `
        + `lengthAdjust="spacingAndGlyphs"${attributes(style)}>${escaped(run)}</text>`).join('')
    }).join('')
  })
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}">`,
    `<rect width="${width}" height="${height}" rx="8" fill="#16181d"/>`,
    '<g font-family="ui-monospace, SFMono-Regular, Menlo, Consolas, \'DejaVu Sans Mono\', monospace" font-size="14" fill="#d8dce3">',
    ...text.filter((row) => row !== ''),
    '</g>',
    '</svg>',
    '',
  ].join('\n')
}

const CELL = { width: 8.4, height: 19, ascent: 14 }
const MARGIN = 16
const COLORS: Readonly<Record<number, string>> = { 31: '#ff6b6b', 32: '#6fd08c', 33: '#e5c07b' }

interface Style {
  readonly bold: boolean
  readonly dim: boolean
  readonly color: string | undefined
}

interface Span {
  readonly words: string
  readonly style: Style
}

const SGR = new RegExp(`${String.fromCharCode(27)}\\[([0-9;]*)m`)

const spansOf = (line: string): readonly Span[] => {
  let style: Style = { bold: false, dim: false, color: undefined }
  // The odd pieces of the split are what stood between ESC [ and m.
  return line.split(SGR).flatMap((piece, index) => {
    if (index % 2 === 0) return piece === '' ? [] : [{ words: piece, style }]
    for (const code of piece.split(';').map(Number)) style = styled(style, code)
    return []
  })
}

const styled = (style: Style, code: number): Style => {
  if (code === 1) return { ...style, bold: true }
  if (code === 2) return { ...style, dim: true }
  if (code === 22) return { ...style, bold: false, dim: false }
  return { ...style, color: COLORS[code] }
}

const wrap = (spans: readonly Span[], columns: number): readonly (readonly Span[])[] => {
  const rows: Span[][] = [[]]
  let room = columns
  for (const { words, style } of spans) {
    for (let from = 0; from < words.length;) {
      if (room === 0) {
        rows.push([])
        room = columns
      }
      const piece = words.slice(from, from + room)
      rows.at(-1)?.push({ words: piece, style })
      from += piece.length
      room -= piece.length
    }
  }
  return rows
}

const attributes = ({ bold, dim, color }: Style) =>
  `${bold ? ' font-weight="bold"' : ''}${dim ? ' opacity="0.6"' : ''}${color === undefined ? '' : ` fill="${color}"`}`

const round = (value: number) => Math.round(value * 10) / 10

const escaped = (text: string) => text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;')
