import { dirname } from 'node:path'
import { qemuCommand, TOOLS_QEMU } from '../toolbox/qemu-program.ts'
import type { ToolCommand, Tools } from '../toolbox/tools.ts'
import { qemuArgs } from './qemu-args.ts'
import type { VmSpec } from './running-vm.ts'

/** What starts the QEMU of a guest; `folder` is for its sockets and what its disks keep. */
export const guestCommand = (spec: Omit<VmSpec, 'folder'>, folder: string, tools: Tools, servedDevices: readonly string[] = []): ToolCommand =>
  qemuCommand(spec.qemu ?? TOOLS_QEMU, tools, {
    args: qemuArgs(spec, folder, servedDevices),
    read: [...new Set([spec.bzImage, spec.initrd, spec.disk].map((file) => dirname(file)))],
    write: [folder],
    network: true,
    // Where the disk of an nvme keeps what is written to it. QEMU takes no /tmp, and the toolbox has no /var/tmp.
    env: { TMPDIR: folder },
  })
