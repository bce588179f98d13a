import { defineDevice, msix, pcie, register32, register64 } from 'vfio-lab/device'

/** Adds up bytes of guest memory. 0x00: where they are, 0x08: how many (a write starts it), 0x0c: their sum, 0x10: why there is none. */
let address = 0n
let sum = 0
let errno = 0

export default defineDevice({
  ids: { vendor: 0x1234, device: 0x11ee },
  capabilities: [pcie({ flr: true }), msix({ vectors: 1, bar: 1 })],
  bars: [{
    size: 4096,
    registers: [
      register64(0x00, { read: () => address, write: (value) => { address = value } }),
      register32(0x08, {
        write: async (length, { dma, irq }) => {
          const outcome = await dma.read(address, length)
          errno = outcome.done ? 0 : outcome.errno
          sum = outcome.done ? outcome.bytes.reduce((total, byte) => total + byte, 0) : 0
          irq.raise(0)
        },
      }),
      register32(0x0c, { read: () => sum }),
      register32(0x10, { read: () => errno }),
    ],
  }],
  onReset: () => { address = 0n; sum = 0; errno = 0 },
})
