import { existsSync } from 'node:fs'
import { readFile, stat } from 'node:fs/promises'
import { basename, join } from 'node:path'
import { yours } from '../host/errors.ts'
import type { KernelFacts } from './built-kernel.ts'
import { bzImageRelease } from './bzimage-release.ts'
import { type DotConfig, parseDotConfig } from './dot-config.ts'
import { dotConfigVersion, sameVersion } from './dot-config-version.ts'
import { lackingSymbols, neededModules } from './guest-modules.ts'
import type { PrebuiltPaths } from './kernel-input.ts'
import { loadOrder } from './load-order.ts'
import { readHeaders, type UapiHeaders, uapiNames } from './uapi-names.ts'

/** A prebuilt kernel whose files fit together. */
export interface ExaminedKernel {
  readonly bzImage: string
  readonly dotConfig: string
  readonly release: string
  readonly facts: KernelFacts
  readonly headers: UapiHeaders
  /** Files of the modules that a guest loads, as they are in their folder (perhaps compressed), in load order. */
  readonly modules: readonly string[]
}

/**
 * Looks at all that is given of a prebuilt kernel before anything is done with it.
 * Throws yours/PREBUILT_IMAGE, PREBUILT_CONFIG, PREBUILT_MODULES, PREBUILT_HEADERS for what is missing, is not what it should be or does not fit.
 */
export const examinePrebuilt = async ({ bzImage, config, modules, headers }: Omit<PrebuiltPaths, 'kind'>): Promise<ExaminedKernel> => {
  const release = await releaseOf(bzImage)
  const symbols = await readConfig(config, release)
  const paths = await modulesOf(modules, symbols, release)
  const uapi = await readUapi(headers, modules, release)
  return { bzImage, dotConfig: config, release, facts: { config: symbols, uapi: uapiNames(uapi) }, headers: uapi, modules: paths }
}

const releaseOf = async (bzImage: string): Promise<string> => {
  const hint = 'a bzImage is arch/x86/boot/bzImage of a build, or a distribution\'s /boot/vmlinuz-<release>'
  const image = await readFile(bzImage).catch((cause: unknown) => {
    throw yours('PREBUILT_IMAGE', `the bzImage ${bzImage} cannot be read`, { hint, cause })
  })
  const header = bzImageRelease(image)
  if ('release' in header) return header.release
  throw yours('PREBUILT_IMAGE', `${bzImage} is no bzImage: ${header.because}`, { hint })
}

const readConfig = async (path: string, release: string): Promise<DotConfig> => {
  const hint = `say the .config that the kernel ${release} was built with: of the build, or a distribution's /boot/config-${release}`
  const text = await readFile(path, 'utf8').catch((cause: unknown) => {
    throw yours('PREBUILT_CONFIG', `the config ${path} cannot be read`, { hint, cause })
  })
  const version = dotConfigVersion(text)
  if (version === undefined) throw yours('PREBUILT_CONFIG', `${path} is no .config of an x86 kernel: it has no line "# Linux/x86 <version> Kernel Configuration"`, { hint })
  if (!sameVersion(version, release)) throw yours('PREBUILT_CONFIG', `${path} is of Linux ${version}, and the bzImage is ${release}`, { hint })
  const config = parseDotConfig(text)
  const lacking = lackingSymbols(config)
  if (lacking.length > 0) {
    const shown = lacking.map((symbol) => (config[symbol] === undefined ? symbol : `${symbol}=y`)).join(', ')
    throw yours('PREBUILT_CONFIG', `the kernel ${release} cannot be judged: its config lacks ${shown}`, { hint: 'kernel-configs/base.config says what a guest of the lab needs, and why' })
  }
  return config
}

const modulesOf = async (folder: string | undefined, config: DotConfig, release: string): Promise<readonly string[]> => {
  const needed = neededModules(config)
  const hint = `say modules: '/lib/modules/${release}'`
  if (folder === undefined) {
    if (needed.length === 0) return []
    throw yours('PREBUILT_MODULES', `the kernel ${release} has ${needed.join(', ')} as modules, and no modules folder is given`, { hint })
  }
  if (!(await stat(folder).catch(() => undefined))?.isDirectory()) throw yours('PREBUILT_MODULES', `there is no modules folder ${folder}`, { hint })
  if (basename(folder) !== release) throw yours('PREBUILT_MODULES', `the modules in ${folder} are not of this kernel, whose release is ${release}`, { hint })
  if (needed.length === 0) return []
  const list = join(folder, 'modules.dep')
  const dep = await readFile(list, 'utf8').catch((cause: unknown) => {
    throw yours('PREBUILT_MODULES', `${list} cannot be read`, { hint: `depmod makes it: depmod -b <what stands before /lib/modules> ${release}`, cause })
  })
  const beside = (name: string) => readFile(join(folder, name), 'utf8').catch(() => '')
  const { paths, missing } = loadOrder({ dep, softdep: await beside('modules.softdep'), alias: await beside('modules.alias') }, needed)
  const absent = [...missing, ...paths.filter((path) => !existsSync(join(folder, path)))]
  if (absent.length === 0) return paths.map((path) => join(folder, path))
  throw yours('PREBUILT_MODULES', `the modules folder ${folder} lacks ${absent.join(', ')}`, { hint: 'the config has them as modules: install all of them, and run depmod' })
}

const readUapi = async (headers: string | undefined, modules: string | undefined, release: string): Promise<UapiHeaders> => {
  const places = headers !== undefined
    ? [headers, join(headers, 'include', 'uapi'), join(headers, 'include')]
    : modules === undefined ? [] : ['source', 'build'].map((link) => join(modules, link, 'include', 'uapi'))
  const found = places.map((place) => join(place, 'linux')).find((place) => existsSync(join(place, 'vfio.h')))
  if (found !== undefined) return readHeaders(found)
  const looked = headers ?? (modules === undefined ? undefined : `${modules}/{source,build}/include/uapi`)
  throw yours('PREBUILT_HEADERS', `the headers of the kernel ${release} are not found: ${looked === undefined ? 'no folder is given' : `no linux/vfio.h in ${looked}`}`, {
    hint: 'which cases run is decided by linux/vfio.h and linux/iommufd.h of this version: say headers: the folder that holds linux/, or a kernel tree',
  })
}
