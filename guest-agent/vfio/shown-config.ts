import { equal, equalBytes } from '../case/expect.ts'
import { PCI_BASE_ADDRESS_0, PCI_ROM_ADDRESS, capabilityChain } from '../pci/header.ts'
import type { Bar, PciDevice } from '../pci/pci-device.ts'
import { VFIO } from '../uapi/vfio.ts'
import type { OpenDevice } from './open-device.ts'

const CONFIG = VFIO.VFIO_PCI_CONFIG_REGION_INDEX
/** The part that every device has. */
const SIZE = 256

const hardware = (pci: PciDevice): Uint8Array => new Uint8Array(pci.config(0, SIZE).buffer)

/** A device that was just opened shows the config space that the kernel sees, and the same chain of capabilities. */
export const showsConfigSpace = ({ device, pci }: OpenDevice): void => {
  const real = hardware(pci)
  equalBytes(device.readBytes(CONFIG, 0, SIZE), real, `config space of ${pci.toString()}`)
  equal(capabilityChain((offset) => device.read(CONFIG, offset, 1)), capabilityChain((offset) => real[offset] ?? 0), 'capabilities')
}

/** A BAR written with ones tells its size, as hardware does, while the real BAR stays; one that is not there is 0. */
export const sizesBars = ({ device, pci }: OpenDevice): void => {
  const before = hardware(pci)
  for (let index = 0; index < 6; index += 1) {
    const at = PCI_BASE_ADDRESS_0 + 4 * index
    const value = device.read(CONFIG, at, 4)
    device.write(CONFIG, at, 4, 0xffff_ffff)
    equal(device.read(CONFIG, at, 4), sizeIn(pci.bars, index, value), `BAR ${index} of ${pci.toString()}, written with ones`)
    device.write(CONFIG, at, 4, value)
    equal(device.read(CONFIG, at, 4), value, `BAR ${index} of ${pci.toString()}, written back`)
  }
  device.write(CONFIG, PCI_ROM_ADDRESS, 4, 0xffff_ffff)
  equal(device.read(CONFIG, PCI_ROM_ADDRESS, 4), 0, `BAR of the ROM that ${pci.toString()} does not have, written with ones`)
  equalBytes(hardware(pci), before, `config space of ${pci.toString()} itself`)
}

/** What a register of the BARs reads that was written with ones; `value` is what it read before. The register behind a wide BAR is its upper half. */
const sizeIn = (bars: readonly Bar[], index: number, value: number): number => {
  const bar = bars.find((each) => each.index === index)
  if (bar !== undefined) return (Number(BigInt.asUintN(32, -BigInt(bar.size))) | (value & (bar.io ? 0x3 : 0xf))) >>> 0
  const lower = bars.find((each) => each.wide && each.index === index - 1)
  return lower === undefined ? 0 : Number(BigInt.asUintN(64, -BigInt(lower.size)) >> 32n)
}
