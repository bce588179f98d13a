import { LabError } from '../host/errors.ts'
import { run } from '../host/spawn.ts'
import type { Blocked, MissingTool, ToolCommand, ToolInvocation } from './tools.ts'

/** A device that the machines plug in; `option` must be one of its properties. `since`: the first QEMU release that has it. */
interface Feature {
  readonly device: string
  readonly option?: string
  readonly blocks: Blocked
  readonly since: string
}

const FEATURES: readonly Feature[] = [
  { device: 'pcie-root-port', blocks: 'vm', since: '2.9' },
  { device: 'virtio-net-pci', blocks: 'vm', since: '1.0' },
  { device: 'virtio-blk-pci', blocks: 'vm', since: '1.0' },
  { device: 'edu', blocks: 'edu', since: '2.3' },
  { device: 'pci-testdev', blocks: 'pci-testdev', since: '1.3' },
  { device: 'pci-testdev', option: 'membar-backed', blocks: 'pci-testdev', since: '8.2' },
  { device: 'iommu-testdev', blocks: 'iommu-testdev', since: '11.0' },
  { device: 'intel-iommu', blocks: 'intel', since: '2.2' },
  { device: 'intel-iommu', option: 'scalable-mode', blocks: 'intel-first-stage', since: '11.0' },
  { device: 'intel-iommu', option: 'fsts', blocks: 'intel-first-stage', since: '11.0' },
  { device: 'virtio-iommu-pci', blocks: 'virtio', since: '6.1' },
]

/** Asks the QEMU behind `command` which devices and properties it has, and gives what the lab's machines miss. */
export const lackingQemuFeatures = async (command: (invocation: ToolInvocation) => ToolCommand, signal: AbortSignal): Promise<readonly MissingTool[]> => {
  const ask = async (args: readonly string[]): Promise<string> => {
    const { stdout } = await run(command({ program: 'qemu-system-x86_64', args }), { what: 'asking QEMU what it has', signal, timeoutMs: 30_000 })
    return stdout
  }
  const devices = devicesIn(await ask(['-device', 'help']))
  const options = new Map<string, ReadonlySet<string>>()
  const missing: MissingTool[] = []
  for (const { device, option, blocks, since } of FEATURES) {
    const why = `QEMU has it since ${since}; the toolbox has it too`
    if (!devices.has(device)) {
      if (option === undefined) missing.push({ what: `QEMU device ${device}`, why, blocks })
      continue
    }
    if (option === undefined) continue
    const known = options.get(device) ?? optionsIn(await askOptions(ask, device))
    options.set(device, known)
    if (!known.has(option)) missing.push({ what: `option ${option} of the QEMU device ${device}`, why, blocks })
  }
  return missing
}

const askOptions = async (ask: (args: readonly string[]) => Promise<string>, device: string): Promise<string> => {
  try {
    return await ask(['-device', `${device},help`])
  } catch (error) {
    // Old releases have no help for some devices: then they have no such option that we know of.
    if (error instanceof LabError && error.code === 'TOOL_FAILED') return ''
    throw error
  }
}

/** `name "edu", bus PCI, desc "..."`, one a line. */
export const devicesIn = (help: string): ReadonlySet<string> => new Set([...help.matchAll(/^name "([^"]+)"/gm)].flatMap(([, name]) => name ?? []))

/** `  fsts=<bool>             - ... (default: off)`, one a line. */
export const optionsIn = (help: string): ReadonlySet<string> => new Set([...help.matchAll(/^\s+([\w.-]+)=</gm)].flatMap(([, name]) => name ?? []))
