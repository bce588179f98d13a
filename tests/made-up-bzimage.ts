interface Fields {
  readonly protocol?: number
  readonly loadflags?: number
  readonly xloadflags?: number
}

/** The head of a 64-bit bzImage (Documentation/arch/x86/boot.rst) and no kernel behind it; `version` stands at `at`, counted from the second sector. */
export const madeUpBzImage = (version: string, at = 0x100, { protocol = 0x20f, loadflags = 1, xloadflags = 1 }: Fields = {}): Buffer => {
  const image = Buffer.alloc(0x200 * 4)
  image.writeUInt8(3, 0x1f1)
  image.writeUInt16LE(0xaa55, 0x1fe)
  image.write('HdrS', 0x202, 'latin1')
  image.writeUInt16LE(protocol, 0x206)
  image.writeUInt8(loadflags, 0x211)
  image.writeUInt16LE(xloadflags, 0x236)
  if (at < 0) return image
  image.writeUInt16LE(at, 0x20e)
  image.write(version, at + 0x200, 'latin1')
  return image
}
