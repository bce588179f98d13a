import { createHash } from 'node:crypto'

/** What the toolbox is made of. Whatever changes here makes a new toolbox, because the recipe's hash is its folder's name. */
export interface Recipe {
  readonly suite: string
  readonly mirror: string
  /** Newer versions than the suite has: from its backports, for these source packages only. */
  readonly backports: readonly string[]
  readonly packages: readonly string[]
  /** Paths in the toolbox that are removed after unpacking: glob patterns relative to its root. */
  readonly prune: readonly string[]
  /** No package's scripts run, so the few links that update-alternatives(1) would make are made here: link -> target. */
  readonly links: Readonly<Record<string, string>>
}

/** A toolbox as a person reads of it, and what it is made of. */
export interface ToolboxKind {
  /** Stands behind `the`. */
  readonly name: string
  /** What it holds and for what. */
  readonly holds: string
  readonly recipe: Recipe
}

/** The keyring that signs Debian's archive, where its package puts it on every distribution. */
export const ARCHIVE_KEYRING = '/usr/share/keyrings/debian-archive-keyring.gpg'

export const RECIPE: Recipe = {
  suite: 'trixie',
  mirror: 'http://deb.debian.org/debian',
  backports: ['qemu', 'seabios'],
  packages: [
    // a system that scripts can run in
    'base-files', 'bash', 'bsdextrautils', 'coreutils', 'dash', 'debianutils', 'diffutils', 'findutils', 'gawk', 'grep', 'gzip', 'hostname', 'libc-bin', 'sed', 'tar', 'util-linux',
    // the machine, and an allocator for it (qemu-program.ts)
    'qemu-system-x86', 'libjemalloc2',
    // building the kernel
    'bc', 'bison', 'ccache', 'cpio', 'file', 'flex', 'gcc', 'git', 'kmod', 'libc6-dev', 'libelf-dev', 'libssl-dev', 'lz4', 'make', 'patch', 'perl', 'python3-minimal', 'rsync', 'xz-utils', 'zstd',
    // building the kernel's selftests (and no part of a kernel, open-toolbox.ts)
    'libcap-dev', 'uuid-dev',
    // the guest image
    'busybox-static', 'dropbear-bin', 'erofs-utils',
    // asking Debian's archive for kernel sources
    'apt', 'debian-archive-keyring', 'dpkg',
  ],
  prune: [
    'usr/share/{doc,info,locale,man,lintian,bug,gitweb,zsh,fish,bash-completion,icons,pixmaps,applications}',
    'usr/share/qemu/{skiboot,openbios,slof,u-boot,efi-,pxe-,hppa,palcode,s390,petalogix,canyonlands,pegasos,npcm}*',
    // another emulator than ours, link-time optimisation, sanitizers of user space, static libraries that no part of a kernel links
    'usr/bin/{qemu-system-i386,qemu-system-x86_64-microvm,qemu-system-amd64,*-lto-dump*,git-shell,scalar,gp-*}',
    'usr/libexec/gcc/*/*/lto1',
    'usr/lib/*/lib{asan,tsan,hwasan,lsan,ubsan,gprofng}*',
    'usr/lib/*/lib{crypto,ssl,m-*,mvec,elf}.a',
    'usr/lib/*/gconv/*',
    'usr/lib/*/perl/*/auto/Encode/{JP,KR,CN,TW}',
    'var/cache/apt/archives/*.deb',
  ],
  links: {
    'usr/bin/awk': 'gawk',
    'usr/bin/which': 'which.debianutils',
  },
}

/** What the lab works with. */
export const TOOLBOX: ToolboxKind = {
  name: 'toolbox',
  holds: `Debian ${RECIPE.suite} with ${RECIPE.backports.join(' and ')} from its backports and the kernel's build tools`,
  recipe: RECIPE,
}

/** The toolbox's folder name: of this recipe, on this architecture. */
export const recipeHash = (recipe: Recipe, architecture: string): string =>
  createHash('sha256').update(JSON.stringify([recipe, architecture])).digest('hex').slice(0, 16)

/** Debian's name of the architecture that the lab runs on. */
export const debianArchitecture = (): string => (({ x64: 'amd64' }) as Readonly<Record<string, string>>)[process.arch] ?? process.arch
