import type { AgentEvent, AgentRequest } from '../../guest-agent/protocol.ts'
import type { PluggedLater } from '../machine/slot-args.ts'
import type { GuestShell, ShellRequest } from './guest-shell.ts'
import type { QemuProgram } from '../toolbox/qemu-program.ts'
import type { DeviceReport } from './device-report.ts'

export type Accel = 'kvm' | 'tcg'

export interface VmSpec {
  /** Full QEMU argv as machine/ made it, without accelerator, kernel, image, console, QMP and network: vm/ adds those. */
  readonly machineArgs: readonly string[]
  readonly accel: Accel
  /** Another QEMU than the tools' own. */
  readonly qemu?: QemuProgram
  readonly bzImage: string
  readonly initrd: string
  readonly disk: string
  /** Extra words of the kernel's command line that the machine needs. */
  readonly commandLine: readonly string[]
  /** Folder for console.log, qemu.args and sockets of this boot; exists. */
  readonly folder: string
  readonly bootLimitMs: number
  /** Devices to be plugged in on request; none by default. */
  readonly later?: readonly PluggedLater[]
  /** Devices that programs of their own play; they are plugged in behind the machine's. */
  readonly deviceServers?: readonly DeviceServerSpec[]
}

/** A PCI device written in TypeScript: QEMU's vfio-user-pci and the server that it connects to. */
export interface DeviceServerSpec {
  /** What errors call it, and its file of reports in the folder: NAME.ndjson. Each has its own. */
  readonly name: string
  /** The file whose default export it is, see docs/devices.md; absolute. */
  readonly file: string
  /** JSON for it. */
  readonly options?: unknown
  /** QEMU's ids: its own, and that of the bus that it stands on. */
  readonly id: string
  readonly bus: string
  /** How long QEMU waits for an answer of it before it gives it up. Default: 30 s. */
  readonly answerLimitMs?: number
}

/** How the orchestrator gets into a guest: made per run. */
export interface GuestKeys {
  /** Public host key as SSH sends it, pinned. */
  readonly hostKey: Uint8Array
  /** Private client key in OpenSSH's format. */
  readonly clientKey: string
}

/** Why a guest is no longer good. `kernel`: panic or silence, QEMU lives. `lab`: QEMU died. */
export interface VmDeath {
  readonly kind: 'kernel' | 'lab'
  readonly because: string
}

/** A booted guest with an SSH session. Disposing ends QEMU, whatever state the guest is in. */
export interface RunningVm extends AsyncDisposable {
  /** From QEMU's exec to an open SSH session. */
  readonly bootMs: number
  /** Settles when the guest dies by itself (panic on the console, QEMU gone); never rejects. */
  readonly death: Promise<VmDeath>
  /** Console lines so far, cleaned of control characters, bounded. Grows. */
  readonly console: readonly string[]
  /** What each device of `deviceServers` has reported so far, by its name; bounded. Grows. */
  readonly deviceReports: ReadonlyMap<string, readonly DeviceReport[]>
  /**
   * Sends one request to the agent, which was deployed while the guest booted; yields validated events as they come.
   * Ends with `bye`, or throws: LabError lab/AGENT_OUTPUT_INVALID (garbage, a line over MAX_EVENT_BYTES),
   * or kernel/AGENT_DIED with the signal or exit status.
   */
  ask(request: AgentRequest, signal: AbortSignal): AsyncIterable<AgentEvent>
  /** Plugs a device of `later` in. Resolves when QEMU has done so, not when the guest has seen it. Throws lab/QMP_FAILED, AGENT_OUTPUT_INVALID: no such device. */
  plug(later: number): Promise<void>
  /** Asks the guest to let go of it. Resolves when QEMU has asked. */
  unplug(later: number): Promise<void>
  /** A shell as root, when everything of the agent has arrived. */
  openShell(request: ShellRequest): Promise<GuestShell>
  /** Runs a command in the guest's shell to its end, with this input. Rejects when it does not end with status 0. */
  execute(command: string, input: Uint8Array): Promise<void>
}
