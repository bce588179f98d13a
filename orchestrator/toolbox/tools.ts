/** How to start a program with its tools around it; feed it to host/spawn.ts. */
export interface ToolCommand {
  readonly file: string
  readonly args: readonly string[]
  readonly env: Readonly<Record<string, string>>
  /** Where in `args` the program itself stands, when `file` only enters its surroundings. */
  readonly programAt?: number
}

export interface ToolInvocation {
  readonly program: string
  readonly args: readonly string[]
  /** Folders and files of the host that the program may see, at the same path inside. Everything else of the host is hidden. */
  readonly read?: readonly string[]
  readonly write?: readonly string[]
  readonly cwd?: string
  readonly env?: Readonly<Record<string, string>>
  /** The program may reach the network of the host (loopback ports, slirp). Default false. */
  readonly network?: boolean
}

/** The part of the lab that stops working when something is missing. */
export type Blocked = 'vm' | 'kernel' | 'image' | 'debian-source'

/** Something that the tools lack. Nothing is ever missing in the toolbox. */
export interface MissingTool {
  /** E.g. `program flex`. */
  readonly what: string
  /** What it is for, and where a newer one has it. */
  readonly why: string
  readonly blocks: Blocked
}

/** The programs that the lab works with: a Debian folder entered with bubblewrap, or the host's own. */
export interface Tools {
  readonly kind: 'toolbox' | 'host'
  /** Changes when any tool that forms an output changes: part of the keys of the kernel and image stores. */
  readonly id: string
  /** qemu, gcc, ld, make, dropbear, busybox... -> version. */
  readonly versions: Readonly<Record<string, string>>
  /** The folder that / of the tools is, on the host: `/` for the host's own. To copy busybox, dropbear and libraries from. */
  readonly root: string
  /** What is missing here; the caller says which of it matters. */
  readonly missing: readonly MissingTool[]
  command(invocation: ToolInvocation): ToolCommand
}
