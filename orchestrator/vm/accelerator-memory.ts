import { randomBytes } from 'node:crypto'
import { mkdir, readFile, rename, writeFile } from 'node:fs/promises'
import { userInfo } from 'node:os'
import { dirname } from 'node:path'
import { z } from 'zod'
import { cacheDir } from '../host/cache.ts'

export interface Answer {
  readonly ran: boolean
  readonly because: string
}

const NO_LASTS_MS = 10 * 60_000

const remembered = z.object({ bootId: z.string(), qemu: z.string(), user: z.number(), at: z.number(), ran: z.boolean(), because: z.string() })

/** What was found before on this boot of the host, with this QEMU, by this user: a yes until the next boot, a no for ten minutes. */
export const rememberedAnswer = async (qemu: string, now = Date.now()): Promise<Answer | undefined> => {
  const content = await readFile(file(), 'utf8').then((text): unknown => JSON.parse(text)).catch(() => undefined)
  const known = remembered.safeParse(content).data
  if (known === undefined) return undefined
  const { bootId, user } = await hostNow()
  if (known.bootId !== bootId || known.qemu !== qemu || known.user !== user) return undefined
  if (!known.ran && (now < known.at || now - known.at >= NO_LASTS_MS)) return undefined
  return { ran: known.ran, because: known.because }
}

export const rememberAnswer = async (qemu: string, { ran, because }: Answer, now = Date.now()): Promise<void> => {
  const content = { ...(await hostNow()), qemu, at: now, ran, because }
  await mkdir(dirname(file()), { recursive: true })
  const aside = `${file()}.${randomBytes(4).toString('hex')}`
  await writeFile(aside, JSON.stringify(content))
  await rename(aside, file())
}

const file = (): string => cacheDir('kvm.json')

const hostNow = async (): Promise<{ bootId: string; user: number }> => ({
  bootId: (await readFile('/proc/sys/kernel/random/boot_id', 'utf8')).trim(),
  user: userInfo().uid,
})
