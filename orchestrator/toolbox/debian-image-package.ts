import { matchesGlob } from 'node:path'
import { yours } from '../host/errors.ts'
import type { AptArchive } from './apt-archive.ts'
import { type FetchedPackages, fetchPackages, namesOf, newestFirst, type PackageVersion } from './debian-archive.ts'
import type { OpenToolsOptions } from './open-toolbox.ts'
import type { Tools } from './tools.ts'

/**
 * Kernels that boot here: `linux-image-7.3-amd64`, a variant like `linux-image-7.3-cloud-amd64`, and the packages without a number, which depend on
 * the newest of each. Never -dbg (a gigabyte of symbols) and -unsigned (the same kernel again).
 */
const IMAGE = /^linux-image-(?<number>\d[\w.+~]*-)?(?:(?<variant>[a-z]+)-)?amd64$/
/** What of a package that stands for others holds a part of the kernel. */
const PART = /^linux-(?:image|base|binary|modules)-/
/** The uapi headers, as C programs of this version see them. */
const HEADERS = 'linux-libc-dev'

/**
 * All packages of the newest linux-image of sid and experimental whose name matches the glob. A variant is meant only by a glob that names it.
 * Throws yours/NO_IMAGE_PACKAGE when nothing matches, and what fetchPackages throws.
 */
export const debianImagePackage = (packageGlob: string, tools: Tools, options: OpenToolsOptions): Promise<FetchedPackages> => {
  const choose = async (archive: AptArchive) => {
    const candidates = (await archive.versions('linux-image-')).filter(({ name }) => IMAGE.test(name))
    const found = newestImage(candidates, packageGlob)
    if (found === undefined) {
      throw yours('NO_IMAGE_PACKAGE', `no kernel image of Debian (sid, experimental) matches ${packageGlob}`, { hint: `there are: ${namesOf(candidates)}` })
    }
    const parts = await withParts(found.name, found.version, archive)
    const image = parts.find((name) => isNumbered(name)) ?? found.name
    return { package: image, version: found.version, parts: [...parts, HEADERS] }
  }
  return fetchPackages({ name: `image ${packageGlob}`, choose }, tools, options)
}

/** The newest of these packages that the glob means; a numbered one before the one that stands for it. */
export const newestImage = (candidates: readonly PackageVersion[], packageGlob: string): PackageVersion | undefined =>
  newestFirst(candidates.filter(({ name }) => isMeant(name, packageGlob)).toSorted((a, b) => Number(isNumbered(b.name)) - Number(isNumbered(a.name))))[0]

const isMeant = (name: string, packageGlob: string): boolean => {
  const match = IMAGE.exec(name)
  const variant = match?.groups?.['variant']
  return match !== null && matchesGlob(name, packageGlob) && (variant === undefined || packageGlob.includes(`${variant}-`))
}

const isNumbered = (name: string): boolean => IMAGE.exec(name)?.groups?.['number'] !== undefined

/** The package and, however deep, all parts of the kernel that it depends on. */
const withParts = async (name: string, version: string, archive: AptArchive): Promise<readonly string[]> => {
  const all = new Set([name])
  for (const one of all) {
    for (const part of await archive.parts(one, version)) if (PART.test(part)) all.add(part)
  }
  return [...all]
}
