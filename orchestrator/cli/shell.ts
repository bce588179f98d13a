import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Command, Option } from 'commander'
import { yours } from '../host/errors.ts'
import { interruptSignal } from '../host/interrupt.ts'
import { openCell } from '../run/open-cell.ts'
import { startVm } from '../vm/start-vm.ts'
import { notice } from './notice.ts'
import { qemuCommandText } from './qemu-command-text.ts'
import { addKernelFlags, selected, type SelectionFlags } from './selection.ts'
import { joinShell } from './terminal-shell.ts'

interface ShellFlags extends SelectionFlags {
  readonly qemu?: true
  readonly accel: 'auto' | 'kvm' | 'tcg'
}

/** `lab shell CELL`: boots a guest of the cell and opens a shell in it. Exits as the shell does; 1, 2 and 3 by the lab's own errors. */
export const shellCommand = (finish: (exitCode: number) => void): Command =>
  addKernelFlags(new Command('shell'))
    .description('a shell in a guest of one cell; commands may come on standard input')
    .argument('<cell>', 'kernel/config/machine, or config/machine where there is one kernel')
    .option('--qemu', 'print the command that starts this guest instead, ready to be pasted')
    .addOption(new Option('--accel <how>', 'hardware virtualisation or emulation').choices(['auto', 'kvm', 'tcg']).default('auto'))
    .action(async (cellId: string, flags: ShellFlags) => {
      const signal = interruptSignal()
      const { config } = await selected(flags, signal)
      await using stack = new AsyncDisposableStack()
      const folder = stack.adopt(await mkdtemp(join(tmpdir(), 'vfio-lab-shell-')), (path) => rm(path, { recursive: true, force: true }))
      const open = stack.use(await openCell({ config, filter: cellFilter(cellId), accel: flags.accel, folder, signal }, (event) => {
        if (event.event === 'notice') notice(event.text)
        if (event.event === 'kernel-progress' && event.progress.phase === 'source') notice(event.progress.text)
      }))
      const { cell, bench, spec } = open
      if (flags.qemu === true) {
        process.stdout.write(await qemuCommandText(cell, spec, bench, config.dir))
        notice('its console is the terminal, Ctrl-C goes to the guest: end it with poweroff, or kill QEMU')
        if ((spec.deviceServers ?? []).length > 0) notice('its devices run in the background, and go on when QEMU has ended: jobs, kill %1')
        finish(0)
        return
      }
      const vm = stack.use(await startVm(spec, { tools: bench.tools, keys: bench.keys, agent: bench.agent, signal }))
      notice(`${cell.id} is up after ${(vm.bootMs / 1000).toFixed(1)} s, under ${bench.accel.used}; its kernel log: dmesg. Leave with exit or Ctrl-D`)
      finish(await joinShell(vm, process, signal))
    })

/** `debian/noiommu/intel` or `noiommu/intel`. */
const cellFilter = (id: string) => {
  const parts = id.split('/')
  const [machine, config, kernel, ...more] = parts.toReversed()
  if (machine === undefined || config === undefined || more.length > 0 || parts.includes('')) {
    throw yours('NO_CELL', `${id} is no cell`, { hint: 'a cell is kernel/config/machine; ./lab plan lists them' })
  }
  return { kernel, config, machine }
}
