import ssh2 from 'ssh2'
import { expect, it } from 'vitest'
import { makeRunKeys } from '../../../orchestrator/image/run-keys.ts'
import { readCpio } from './read-cpio.ts'

const fileOf = (archive: Uint8Array, path: string): Buffer => {
  const entry = readCpio(archive).find((candidate) => candidate.path === path)
  if (entry?.kind !== 'file') throw new Error(`no file ${path}`)
  return Buffer.from(entry.data)
}

// So often, because one pair in about 250 of those that ssh2 makes is broken.
it('lets in the client key that it gives, every time', () => {
  for (let run = 0; run < 1500; run += 1) {
    const keys = makeRunKeys()
    const parsed = ssh2.utils.parseKey(keys.clientKey)
    if (parsed instanceof Error) throw parsed
    const [type, key] = fileOf(keys.archive, 'root/.ssh/authorized_keys').toString().trim().split(' ')
    expect([type, key]).toEqual(['ssh-ed25519', parsed.getPublicSSH().toString('base64')])
  }
})

it('writes the host key as dropbear reads it, and gives its public half', () => {
  const { archive, hostKey } = makeRunKeys()
  const file = fileOf(archive, 'etc/dropbear/host-key')
  expect(file.toString('latin1', 0, 19)).toBe('\0\0\0\x0bssh-ed25519\0\0\0\x40')
  expect(file.length).toBe(19 + 64)
  expect(Buffer.from(hostKey).subarray(-32)).toEqual(file.subarray(-32))
  const parsed = ssh2.utils.parseKey(`ssh-ed25519 ${Buffer.from(hostKey).toString('base64')}`)
  expect(parsed).not.toBeInstanceOf(Error)
})

it('keeps private keys from others, and makes new ones every time', () => {
  const [one, other] = [makeRunKeys(), makeRunKeys()]
  const modes = readCpio(one.archive).map((entry) => (entry.kind === 'link' ? 0 : entry.mode & 0o077))
  expect(modes).toEqual([0, 0, 0, 0])
  expect(one.clientKey).not.toBe(other.clientKey)
  expect(Buffer.from(one.hostKey)).not.toEqual(Buffer.from(other.hostKey))
})
