/**
 * What the orchestrator and the agent say to each other, one JSON object a line (NDJSON, UTF-8).
 * One connection carries one request from the orchestrator and then only events from the agent.
 * This file is the only one that the orchestrator imports from guest-agent/; it has no imports and no side effects.
 */

/** Raised when a request or an event changes its meaning. */
export const PROTOCOL_VERSION = 1

/** No event line is longer than this, in bytes; the agent cuts its messages, the orchestrator refuses more. */
export const MAX_EVENT_BYTES = 64 * 1024

/** QEMU devices that the lab can plug in; the agent has a driver for each. `vfio-user` is any device that a user of the lab wrote. */
export const DEVICE_KINDS = [
  'edu', 'pci-testdev', 'iommu-testdev', 'nvme', 'igb', 'e1000e', 'virtio-rng', 'ivshmem', 'pcie-ats-testdev', 'vfio-user-dma', 'vfio-user',
] as const
export type DeviceKind = (typeof DEVICE_KINDS)[number]

/** What a case may ask of a device, whatever device it is. */
export const CAPABILITIES = [
  'bar-mmap', // a memory BAR of at least a page that user space may mmap
  'io-bar', // an I/O port BAR
  'ram-bar', // a memory BAR that is RAM all over: it keeps what is written to it
  'large-bar', // a memory BAR of 64 GiB, each word of which reads as its own offset
  'sparse-bar', // a memory BAR that is memory in some pages and registers in the others
  'small-bars', // two memory BARs of less than a page, which keep what is written to them
  'dma-write', // the device can write to memory
  'dma-read', // the device can read from memory
  'dma-64', // its DMA reaches every address of 64 bits
  'fault-report', // the device tells synchronously whether its DMA write was translated
  'queue-fault', // the device tells when it cannot reach its own queues or descriptors, and then wants a reset
  'intx',
  'msi',
  'msix',
  'reset', // VFIO_DEVICE_RESET: a function level reset, or a reset of the bus behind a port where the device is alone
  'reset-state', // a reset brings a register back that user space can change: with `reset` alone nothing of it may show
  'flr-count', // it resets itself when it is told to (Function Level Reset), and counts its resets
  'power', // PCI power management: it can be put into D3hot
  'sr-iov', // it has virtual functions to switch on
  'ats', // the device keeps translations (PCI Express, ATS); its DMA is a page, no more and no less
  'ats-counters', // and tells what it keeps, and of invalidations
  'pasid', // its DMA can be in several address spaces, each with a number (PCI Express, PASID)
  'many-vectors', // more vectors of MSI-X than one processor has for all devices
  'page-requests', // it asks for pages that are not there (PCI Express, PRI)
] as const
export type DeviceCapability = (typeof CAPABILITIES)[number]

/**
 * The plan matches a case's needs with this table; devices/ in the agent implements each row. It says what is true on the lab's machines:
 * every device stands behind a root port of its own and so can be reset, but ivshmem stands on the root bus. Options of a device and the place
 * where it stands may take something away (orchestrator/machine/machine-facts.ts).
 * A vfio-user device may have more, which nobody but its author knows.
 */
export const DEVICE_CAPABILITIES: Readonly<Record<DeviceKind, readonly DeviceCapability[]>> = {
  edu: ['bar-mmap', 'dma-write', 'dma-read', 'dma-64', 'msi', 'intx', 'reset'],
  'pci-testdev': ['bar-mmap', 'io-bar', 'reset'],
  'iommu-testdev': ['bar-mmap', 'dma-write', 'dma-64', 'fault-report', 'reset'],
  nvme: ['bar-mmap', 'dma-write', 'dma-read', 'dma-64', 'queue-fault', 'intx', 'msix', 'reset', 'reset-state', 'power', 'sr-iov'],
  igb: ['bar-mmap', 'io-bar', 'dma-write', 'dma-read', 'dma-64', 'intx', 'msi', 'msix', 'reset', 'reset-state', 'power', 'sr-iov'],
  e1000e: ['bar-mmap', 'io-bar', 'dma-write', 'dma-read', 'dma-64', 'intx', 'msi', 'msix', 'reset', 'power'],
  'virtio-rng': ['bar-mmap', 'dma-write', 'dma-64', 'intx', 'msix', 'reset', 'reset-state', 'power'],
  ivshmem: ['bar-mmap', 'ram-bar'],
  'pcie-ats-testdev': ['bar-mmap', 'ats', 'ats-counters', 'page-requests', 'reset'],
  'vfio-user-dma': [
    'bar-mmap', 'large-bar', 'sparse-bar', 'small-bars', 'dma-write', 'dma-read', 'dma-64', 'fault-report', 'intx', 'msi', 'msix', 'reset', 'flr-count',
    'pasid', 'many-vectors',
  ],
  'vfio-user': ['reset'],
}

/** Where devices stand other than each behind a root port of its own. */
export const TOPOLOGIES = [
  'bypassing', // on a root bus that the machine's IOMMU does not see
  'one-group', // behind one bridge to conventional PCI: one IOMMU group
  'multifunction', // functions of one device
  'behind-switch', // behind the downstream ports of one switch, which has no ACS: each in a group with its port
  'switch-functions', // the same, the ports being functions of one slot: one IOMMU group
  'plugged-later', // plugged in while a case runs
] as const
export type Topology = (typeof TOPOLOGIES)[number]

/** The number of the root bus that `bypassing` devices stand on; buses below it have smaller numbers. */
export const FIRST_BYPASSING_BUS = 0x80

/** What is true of a machine's IOMMU. A machine without an IOMMU has no trait at all. */
export const IOMMU_TRAITS = [
  'intel',
  'amd',
  'virtio',
  'interrupt-remapping', // MSIs are isolated, attach needs no allow_unsafe_interrupts
  'caching-mode',
  'scalable',
  'first-stage',
  'device-iotlb',
  'pasid',
  'svm',
] as const
export type IommuTrait = (typeof IOMMU_TRAITS)[number]

/** Capabilities of a process, as far as a case can need them (linux/capability.h). */
export const PRIVILEGES = ['CAP_SYS_RAWIO', 'CAP_SYS_ADMIN', 'CAP_SYS_RESOURCE', 'CAP_IPC_LOCK'] as const
export type Privilege = (typeof PRIVILEGES)[number]

/**
 * What a cell must have for a case to run in it. Every listed thing must hold; what is not listed does not matter.
 * A case whose needs do not hold in a cell is planned as absent there, with the reason.
 */
export interface Needs {
  /**
   * Config symbols without the CONFIG_ prefix: `VFIO_GROUP` (y or m), `!VFIO_GROUP` (not set), `VFIO=m` (a module),
   * `VFIO_CONTAINER|IOMMUFD_VFIO_CONTAINER` (at least one of them). Read from the built .config.
   */
  readonly config?: readonly string[]
  /** Names that the tree's uapi headers linux/vfio.h and linux/iommufd.h must define; `!NAME`: must not define. */
  readonly uapi?: readonly string[]
  /** `none`: no IOMMU at all; `present`: any; a list: all of these traits; a trait may be negated with `!`. */
  readonly iommu?: 'none' | 'present' | readonly (IommuTrait | `!${IommuTrait}`)[]
  /**
   * A VFIO device must be reachable: through its cdev, through its group, or at all (`any`).
   * cdev: VFIO_DEVICE_CDEV and (an IOMMU or IOMMUFD_NOIOMMU); group: VFIO_GROUP and (an IOMMU or VFIO_NOIOMMU).
   * `none`: the cell must be one where no VFIO device can exist.
   */
  readonly access?: 'cdev' | 'group' | 'any' | 'none'
  /** There must be one device on the machine that has all of these, of the kind below if one is said. Empty: any device of the lab. */
  readonly device?: readonly DeviceCapability[]
  /** There must be a device of exactly this kind. */
  readonly deviceKind?: DeviceKind
  /** And devices of these kinds beside it: nothing of `device` is asked of them. */
  readonly besides?: readonly DeviceKind[]
  /** How many devices of the lab there must be on the machine. */
  readonly devices?: number
  /** Devices of the lab must stand in all of these places. */
  readonly topology?: readonly Topology[]
  /** Privileges that the agent must hold (it runs as root and holds all that the kernel gives). */
  readonly privilege?: readonly Privilege[]
}

/** What a case exercises: names of ioctls as in the uapi headers (VFIO_..., IOMMU_...) and source files of the kernel. */
export interface Covers {
  readonly ioctls: readonly string[]
  readonly sources: readonly string[]
}

/** One case as the catalogue shows it. */
export interface CaseInfo {
  /** `suite/name`, stable across runs: people link to it. */
  readonly id: string
  readonly suite: string
  /** One line: what must hold. */
  readonly title: string
  readonly needs: Needs
  readonly covers: Covers
  /** How long it may take on hardware virtualisation; the orchestrator scales it for TCG. */
  readonly timeoutMs: number
  /** Regular expressions of console lines that this case provokes on purpose, e.g. a DMAR fault or the noiommu taint. */
  readonly provokes: readonly string[]
  /** It runs when its suite or it is named, or with --all: it takes long, or its result is a figure. */
  readonly onRequest?: true
  /** Times are its result: `lab diff` holds those of two runs against each other. */
  readonly timed?: true
}

/** The largest number that cases which choose at random begin with. */
export const MAX_SEED = 0x3fff_ffff

/**
 * A case that is one run of a program of somebody else: its files were put into PROGRAMS/<suite of the id> before. The agent makes its surroundings, runs it and
 * reports what it said and how it ended; what that means the orchestrator says.
 */
export interface ProgramRun {
  readonly id: string
  /** The program, relative to the folder of its files, and its arguments; `{bdf}` stands for the address of the device. */
  readonly argv: readonly string[]
  readonly environment: Readonly<Record<string, string>>
  /** What must be there while it runs; all of it is given back afterwards. */
  readonly device?: DeviceKind
  /** Of 2 MiB. */
  readonly hugePages: number
  /** vfio-pci lets virtual functions be switched on. */
  readonly sriov: boolean
  /** On hardware virtualisation. */
  readonly timeoutMs: number
}

/** In the guest. */
export const PROGRAMS = '/run/programs'

/** How a program ended. */
export interface ProgramEnd {
  readonly status?: number
  readonly signal?: string
  /** It said more than is kept: the rest is not known. */
  readonly cut?: true
}

/** What the orchestrator tells the agent of the cell that it runs in. */
export interface CellFacts {
  /** The built .config: symbol without CONFIG_ -> value; symbols that are not set are missing. */
  readonly config: Readonly<Record<string, string>>
  /** Names #defined or enumerated by the tree's linux/vfio.h and linux/iommufd.h. */
  readonly uapi: readonly string[]
  readonly iommu: readonly IommuTrait[]
  /** Behind the machine's IOMMU, if it has one, from the start. */
  readonly devices: readonly DeviceKind[]
  readonly topology: readonly Topology[]
  /** What DEVICE_CAPABILITIES says of a kind and this machine's first device of that kind has not, because of its options or of where it stands. */
  readonly without?: LackedCapabilities
  /** A vfio-user device has whatever ids its author gave it: the slots of the root bus whose ports such devices stand behind. */
  readonly vfioUserSlots?: readonly number[]
  /** What cases that choose at random begin with, a whole number from 0: the same seed makes the same choices. */
  readonly seed?: number
}

export type LackedCapabilities = Readonly<Partial<Record<DeviceKind, readonly DeviceCapability[]>>>

/** What the agent believes of linux/vfio.h and linux/iommufd.h. Offsets and sizes in bytes. */
export interface UapiBeliefs {
  readonly structs: readonly {
    readonly name: string
    /** Of the fixed part, whole. */
    readonly size: number
    readonly fields: readonly { readonly name: string; readonly offset: number; readonly bytes: number }[]
  }[]
  /** Request numbers by name. */
  readonly ioctls: Readonly<Record<string, number>>
  /** Flags and enumerators by name. */
  readonly constants: Readonly<Record<string, number>>
}

export type AgentRequest =
  | { readonly list: true }
  /** Cases of the agent's catalogue and those that are programs, in the order in which they run. */
  | { readonly run: { readonly cases: readonly string[]; readonly programs?: readonly ProgramRun[]; readonly cell: CellFacts; readonly timeoutScale: number } }

export type CaseEndOutcome = 'pass' | 'fail' | 'skip' | 'timeout'

export type Measures = Readonly<Record<string, number>>

/** Name of an ioctl as in the uapi headers, `VFIO_DEVICE_FEATURE/DMA_BUF` for a feature -> what came of it: `ok` and names of errnos. */
export type IoctlOutcomes = Readonly<Record<string, readonly string[]>>

export type AgentEvent =
  | { readonly event: 'hello'; readonly protocol: number; readonly node: string; readonly release: string; readonly pid: number }
  /** A catalogue that is longer than a line may be comes as several of these; together they are it. */
  /** Comes before the catalogue. */
  | { readonly event: 'uapi'; readonly uapi: UapiBeliefs }
  | { readonly event: 'catalogue'; readonly cases: readonly CaseInfo[] }
  | { readonly event: 'case-start'; readonly id: string }
  | {
      readonly event: 'case-end'
      readonly id: string
      readonly outcome: CaseEndOutcome
      readonly durationMs: number
      /** Why it did not pass. */
      readonly message?: string
      /** Taint bits that became set while it ran (the difference of /proc/sys/kernel/tainted). */
      readonly newTaint?: number
      readonly measures?: Measures
      readonly ioctls?: IoctlOutcomes
      /** Of a program. `outcome` is then what the agent knows: `pass` if nothing was in the way, whatever the program said. */
      readonly program?: ProgramEnd
    }
  /** A line that the program of the running case said, without its end; a longer one than 2000 characters is cut. */
  | { readonly event: 'output'; readonly stream: 'stdout' | 'stderr'; readonly text: string }
  /** A case wants a device of the machine that is plugged in later, counted from 0, in or out; it sees by itself when that is done. */
  | { readonly event: 'plug' | 'unplug'; readonly later: number }
  /** Something the agent wants on record that is no verdict: a module parameter it set, a device it could not bind. */
  | { readonly event: 'note'; readonly text: string }
  /** The agent could not do its work at all (unknown case, bad request): not the kernel's fault. */
  | { readonly event: 'agent-error'; readonly message: string }
  | { readonly event: 'bye'; readonly ran: number }

/**
 * The agent writes these lines to /dev/kmsg around every case, so that the console itself says what ran when:
 * a splat between the two belongs to the case, whatever the network delays.
 */
export const consoleMark = (edge: 'start' | 'end', caseId: string): string => `vfio-lab: case ${edge} ${caseId}`
