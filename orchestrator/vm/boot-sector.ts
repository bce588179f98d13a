/** What isa-debug-exit is told; QEMU then ends with twice that and one. */
const TOLD = 0x2a
export const EXIT_PORT = 0xf4
export const EXIT_STATUS = TOLD * 2 + 1

const SIGNATURE_AT = 510
/** The firmware reads by cylinder, head and sector, and a disk of less than a cylinder has none. */
const DISK_BYTES = 1024 * 1024

/**
 * A disk whose boot record, in 16-bit real mode, ends QEMU through isa-debug-exit: whoever sees that knows the firmware ran.
 */
export const bootSectorDisk = (): Uint8Array => {
  const sector = new Uint8Array(DISK_BYTES)
  sector.set([
    0xb0, TOLD, // mov al, TOLD
    0xe6, EXIT_PORT, // out EXIT_PORT, al
    0xf4, // hlt
    0xeb, 0xfd, // jmp to the hlt
  ])
  sector.set([0x55, 0xaa], SIGNATURE_AT)
  return sector
}
