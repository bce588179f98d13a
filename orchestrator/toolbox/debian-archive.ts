import { existsSync } from 'node:fs'
import { mkdir, readFile, rename, writeFile } from 'node:fs/promises'
import { join, matchesGlob } from 'node:path'
import { z } from 'zod'
import { cacheDir } from '../host/cache.ts'
import { LabError, yours } from '../host/errors.ts'
import { lock } from '../host/lock.ts'
import { aptArchive, type AptArchive } from './apt-archive.ts'
import { compareDebianVersions } from './debian-version.ts'
import type { OpenToolsOptions } from './open-toolbox.ts'
import type { Tools } from './tools.ts'

/** A kernel source package of Debian, on this host's disk and verified by apt. */
export interface SourcePackage {
  readonly package: string
  readonly version: string
  /** Absolute path of the .deb; its content is a tree in usr/src/<package>.tar.xz. */
  readonly debPath: string
}

const answerSchema = z.strictObject({ askedAt: z.number(), package: z.string(), version: z.string() })
type Answer = z.infer<typeof answerSchema>

/** How long Debian's answer is good without asking again. */
const FRESH_MS = 24 * 3600 * 1000
/** Sources as they are; not linux-source itself (depends on the newest), nor variants like linux-source-7.2-rt. */
const PLAIN_NAME = /^linux-source-\d+\.\d+$/

/**
 * The newest linux-source package of sid and experimental whose name matches the glob. Asked once a day;
 * without network the last answer is used, with a notice.
 * Throws yours/NO_SOURCE_PACKAGE when nothing matches, lab/NO_NETWORK when nothing was ever asked, lab/NO_SPACE, lab/TOOL_FAILED.
 */
export const debianSource = async (packageGlob: string, tools: Tools, options: OpenToolsOptions): Promise<SourcePackage> => {
  const folder = cacheDir('debian-archive')
  await using held = await lock(join(folder, 'lock'), { signal: options.signal, onWait: () => { options.notice('another lab is asking Debian\'s archive; waiting for it') } })
  const archive = aptArchive(join(folder, 'apt'), tools, options.signal)
  const answer = await newest(packageGlob, archive, folder, options)
  const debPath = debFile(folder, answer)
  if (!existsSync(debPath)) {
    options.notice(`downloading ${answer.package} ${answer.version} from Debian's archive`)
    await mkdir(join(folder, 'packages'), { recursive: true })
    await archive.download(answer.package, answer.version, debPath)
  }
  return { package: answer.package, version: answer.version, debPath }
}

const debFile = (folder: string, { package: name, version }: Answer): string => join(folder, 'packages', `${name}_${encodeURIComponent(version)}.deb`)

const newest = async (packageGlob: string, archive: AptArchive, folder: string, options: OpenToolsOptions): Promise<Answer> => {
  const answerFile = join(folder, `${encodeURIComponent(packageGlob)}.json`)
  const known = await rememberedAnswer(answerFile)
  // An answer whose package was never fetched may name a version that is gone from the archive by now.
  if (known !== undefined && isFresh(known) && existsSync(debFile(folder, known))) return known
  try {
    await archive.update()
  } catch (error) {
    if (known === undefined || !(error instanceof LabError) || error.code !== 'NO_NETWORK') throw error
    options.notice(`Debian's archive cannot be reached; using what it said on ${new Date(known.askedAt).toISOString().slice(0, 10)}: ${known.package} ${known.version}`)
    return known
  }
  const candidates = (await archive.versions('linux-source-')).filter(({ name }) => PLAIN_NAME.test(name))
  const found = candidates.filter(({ name }) => matchesGlob(name, packageGlob)).toSorted((a, b) => compareDebianVersions(b.version, a.version))[0]
  if (found === undefined) {
    const names = [...new Set(candidates.map(({ name }) => name))].toSorted().join(', ')
    throw yours('NO_SOURCE_PACKAGE', `no source package of Debian (sid, experimental) matches ${packageGlob}`, { hint: `there are: ${names}` })
  }
  const answer = { askedAt: Date.now(), package: found.name, version: found.version }
  await writeFile(`${answerFile}.new`, JSON.stringify(answer))
  await rename(`${answerFile}.new`, answerFile)
  return answer
}

const isFresh = ({ askedAt }: Answer): boolean => askedAt <= Date.now() && Date.now() - askedAt < FRESH_MS

const rememberedAnswer = async (file: string): Promise<Answer | undefined> => {
  try {
    return answerSchema.parse(JSON.parse(await readFile(file, 'utf8')))
  } catch {
    // Never asked, or written by another version of the lab: ask.
    return undefined
  }
}
