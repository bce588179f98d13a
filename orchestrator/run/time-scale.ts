import type { Accel } from '../vm/running-vm.ts'

const TCG = 4
/** A kernel that checks each access to memory, each lock and each object: measured against the same config without. */
const KASAN = 3
const PROVE_LOCKING = 2

/** How much longer things may take in a guest than under hardware virtualisation on a kernel that checks nothing. */
export const timeScale = (accel: Accel, config: Readonly<Record<string, string>>): number => (accel === 'kvm' ? 1 : TCG) * kernelTimeScale(config)

/** How much longer things may take on this kernel, by its built .config. */
export const kernelTimeScale = (config: Readonly<Record<string, string>>): number =>
  (config['KASAN'] === 'y' ? KASAN : 1) * (config['PROVE_LOCKING'] === 'y' ? PROVE_LOCKING : 1)
