import type { LabConfig } from './lab-config.ts'
import type { KselftestSuite, OwnProgram } from './program-suite.ts'
import type { KernelSource } from './resolved-config.ts'

/** All that a lab.config.ts imports, as `vfio-lab`. */
export type { LabConfig, LabExclusion, LabLimits, LabMachine } from './lab-config.ts'
export { e1000e, edu, igb, iommuTestdev, ivshmem, nvme, pcieAtsTestdev, pciTestdev, vfioUser, vfioUserDma, virtioRng } from '../machine/devices.ts'
export { amdIommu, intelIommu, virtioIommu } from '../machine/iommus.ts'
export { behindSwitch, behindSwitchFunctions, bypassingIommu, multifunction, oneGroup, pluggedLater } from '../machine/places.ts'

/** Gives a config its type: unknown keys and wrong names in `exclude` are marked in the editor. The lab checks all of it again when it loads it. */
export const defineLab = <Kernel extends string, Config extends string, Machine extends string>(
  config: LabConfig<Kernel, Config, Machine>,
): LabConfig<Kernel, Config, Machine> => config

/**
 * A suite of the kernel's own selftests, `vfio` or `iommu`: built from the tree under test, run unmodified, each of its tests a case of the suite `selftests-vfio`.
 * It runs when --suite or --case names it, or with --all.
 */
export const kselftest = (folder: string): KselftestSuite => ({ kind: 'kselftest', folder })

/**
 * A program of yours with KTAP or TAP on its standard output, or only an exit code (0 pass, 4 skip). It is one case, `name/run`, which passes when every result does.
 * It runs when --suite or --case names it, or with --all.
 */
export const program = (own: Omit<OwnProgram, 'kind'>): OwnProgram => ({ kind: 'program', ...own })

/** The newest source package of Debian that matches, e.g. `linux-source-*` or `linux-source-7.2`. */
export const debian = (packageGlob: string): KernelSource => ({ kind: 'debian', packageGlob })

/** A kernel tree on this host, absolute or relative to lab.config.ts. It is never written to. */
export const tree = (dir: string): KernelSource => ({ kind: 'tree', dir })

/**
 * A commit of a git repository, which is never written to. On this host: a branch, a tag or a hash, the folder absolute or relative to
 * lab.config.ts. On the network, `https://...`: a branch, a tag or a whole hash, fetched into the cache without its history.
 */
export const git = (repository: string, ref: string): KernelSource =>
  (/^[a-z+]+:\/\//.test(repository) ? { kind: 'git-url', url: repository, ref } : { kind: 'git', dir: repository, ref })

/** A tarball of a kernel tree on this host, absolute or relative to lab.config.ts: `linux-7.2.tar.xz`. */
export const tarball = (file: string): KernelSource => ({ kind: 'tarball', file })

/**
 * A kernel that is built already, judged with its own config; paths are absolute or relative to lab.config.ts. `modules` is its folder
 * /lib/modules/<release>, needed when drivers of the guest or VFIO are modules. `headers` holds its linux/vfio.h and linux/iommufd.h, or
 * include/uapi/linux/ with both; default: the include/uapi that `build` or `source` in the modules folder leads to.
 */
export const prebuilt = (files: {
  readonly bzImage: string
  readonly config: string
  readonly modules?: string
  readonly headers?: string
}): KernelSource => ({ kind: 'prebuilt', ...files })

/**
 * The kernel of Debian's newest image package that matches, e.g. `linux-image-*-amd64` or `linux-image-7.2*-amd64`, judged with its own config.
 * A variant is taken only by its name: `linux-image-*-cloud-amd64`.
 */
export const debianImage = (packageGlob: string): KernelSource => ({ kind: 'debian-image', packageGlob })
