import { $ } from 'zx'

/** What the disk of a guest is made of: absolute paths on the host. */
export interface DiskParts {
  readonly node: string
  readonly dropbear: string
  /** Folder of the npm package with koffi's binary. */
  readonly koffi: string
  /** The launcher's JavaScript, and the snapshot made of it. */
  readonly launcher: string
  readonly launcherBlob: string
  /** images/guest/syscalls.c, compiled. */
  readonly syscalls: string
  /** Shared libraries and the loader: where each must be found in the guest, and where it is on the host. */
  readonly libraries: readonly { readonly inGuest: string; readonly onHost: string }[]
}

/** Lays the files of the guest's read-only disk into an empty folder. It is mounted at /disk; /lib, /lib64 and /usr lead into it. */
export const layDisk = async (folder: string, parts: DiskParts, signal: AbortSignal): Promise<void> => {
  const here = $({ cwd: folder, signal, quiet: true })
  const koffi = 'node_modules/@koromix/koffi-linux-x64'
  await here`mkdir -p bin lib lib64 usr ${koffi}/linux_x64`
  await here`cp ${parts.node} bin/node`
  await here`cp ${parts.dropbear} bin/dropbear`
  await here`cp ${parts.syscalls} bin/syscalls`
  await here`cp ${parts.launcher} launcher.js`
  await here`cp ${parts.launcherBlob} launcher.blob`
  await here`cp ${parts.koffi}/package.json ${parts.koffi}/index.js ${koffi}/`
  // The guest has glibc: the binary for musl stays away.
  await here`cp ${parts.koffi}/linux_x64/koffi.node ${koffi}/linux_x64/`
  for (const { inGuest, onHost } of parts.libraries) await here`install -D ${onHost} ${`.${inGuest}`}`
  await here`chmod -R u=rwX,go=rX .`
}
