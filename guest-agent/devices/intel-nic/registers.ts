/** Registers that Intel's 82574 (e1000e) and 82576 (igb) have in common, in BAR 0 (their datasheets, 10.2 and 8.2 to 8.12). */
export const CTRL = 0x0000
export const STATUS = 0x0008
/** Interrupt causes: read and clear, set, let through. The 82576 has them at 0x1500 as well, which QEMU does not follow. */
export const ICR = 0x00c0
export const ICS = 0x00c8
export const IMS = 0x00d0
export const RCTL = 0x0100
export const TCTL = 0x0400
/** Receive queue 0 and transmit queue 0. */
export const RDBAL = 0x2800
export const RDBAH = 0x2804
export const RDLEN = 0x2808
export const RDH = 0x2810
export const RDT = 0x2818
export const RXDCTL = 0x2828
export const TDBAL = 0x3800
export const TDBAH = 0x3804
export const TDLEN = 0x3808
export const TDH = 0x3810
export const TDT = 0x3818
export const TXDCTL = 0x3828

/** Set link up. */
export const CTRL_SLU = 1 << 6
/** Link up. */
export const STATUS_LU = 1 << 1
export const RCTL_EN = 1 << 1
/** Any address is ours, of one and of many. */
export const RCTL_UPE = 1 << 3
export const RCTL_MPE = 1 << 4
/** What is sent is received: MAC loopback. QEMU has it for both, of the hardware only the 82574. */
export const RCTL_LBM_MAC = 1 << 6
export const RCTL_BAM = 1 << 15
/** Frames come without their checksum. */
export const RCTL_SECRC = 1 << 26
export const TCTL_EN = 1 << 1
/** Short frames are padded. */
export const TCTL_PSP = 1 << 3
/** Of RXDCTL and TXDCTL; on the 82574 every queue is on. */
export const QUEUE_ENABLE = 1 << 25
