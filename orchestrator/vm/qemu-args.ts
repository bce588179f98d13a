import { join } from 'node:path'
import type { VmSpec } from './running-vm.ts'

/** Sockets of one QEMU: a short path, since a unix socket's may have no more than 107 characters. */
export const qmpSocket = (sockets: string): string => join(sockets, 'qmp')

/** The id by which `info usernet` names the guest's network. */
export const NETWORK = 'lab'

/**
 * The whole argv. What the lab plugs in for itself stands on the root bus after the machine's own devices and speaks
 * virtio without iommu_platform: it works whatever the vIOMMU is or does, and is in nobody's way.
 */
export const qemuArgs = (spec: Omit<VmSpec, 'folder'>, sockets: string, servedDevices: readonly string[] = []): readonly string[] => [
  '-nodefaults', '-no-user-config', '-display', 'none',
  // A guest that resets or powers itself off stops; QEMU stays and tells of it (SHUTDOWN event).
  '-action', 'reboot=shutdown,shutdown=pause',
  '-accel', spec.accel === 'kvm' ? 'kvm' : 'tcg,thread=multi',
  '-cpu', spec.accel === 'kvm' ? 'host' : 'max',
  ...spec.machineArgs,
  ...servedDevices.flatMap((device) => ['-device', device]),
  '-kernel', spec.bzImage,
  '-initrd', spec.initrd,
  '-append', [...KERNEL_WORDS, ...spec.commandLine].join(' '),
  '-chardev', 'stdio,id=console,signal=off',
  '-serial', 'chardev:console',
  '-qmp', `unix:${qmpSocket(sockets)},server=on,wait=off`,
  '-drive', `if=none,id=disk,format=raw,readonly=on,file.locking=off,file=${spec.disk}`,
  '-device', 'virtio-blk-pci,bus=pcie.0,drive=disk,disable-legacy=on',
  '-netdev', `user,id=${NETWORK},restrict=on,ipv6=off,hostfwd=tcp:127.0.0.1:0-10.0.2.15:22`,
  // Without an option ROM there is no network boot prompt to wait for.
  '-device', `virtio-net-pci,bus=pcie.0,netdev=${NETWORK},disable-legacy=on,romfile=`,
]

const KERNEL_WORDS = [
  'console=ttyS0',
  // Shows a panic that comes before the console's driver.
  'earlyprintk=ttyS0',
  // Warnings and worse: every splat, and none of the 300 lines of a good boot.
  'loglevel=5',
  // Marks of the agent must not be dropped when many cases run in a second.
  'printk.devkmsg=on',
  // A kernel that oopsed is not to be trusted with another case.
  'oops=panic',
  'panic=0',
  // On a busy host the check that the timer ticks can come too early and then panics.
  'no_timer_check',
  'random.trust_cpu=on',
]
