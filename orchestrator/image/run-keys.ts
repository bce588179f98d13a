import { generateKeyPairSync } from 'node:crypto'
import ssh2 from 'ssh2'
import { cpioArchive } from './cpio.ts'

/** The keys of one run: every guest of it has this host key and lets in only this client key. */
export interface RunKeys {
  /** Public host key as SSH sends it (RFC 8709), to pin. */
  readonly hostKey: Uint8Array
  /** Private client key in OpenSSH's format. */
  readonly clientKey: string
  /** A cpio archive with the guest's side of both, to be put after the image's initramfs. */
  readonly archive: Uint8Array
}

const KEY_TYPE = 'ssh-ed25519'

/** Fresh ed25519 keys; nothing of them is kept but in the run's own initrd. */
export const makeRunKeys = (): RunKeys => {
  const host = generateKeyPairSync('ed25519').privateKey.export({ format: 'jwk' })
  const hostPublic = Buffer.from(host.x ?? '', 'base64url')
  const hostPrivate = Buffer.from(host.d ?? '', 'base64url')
  const client = clientKeys()
  return {
    hostKey: Buffer.concat([sshString(Buffer.from(KEY_TYPE)), sshString(hostPublic)]),
    clientKey: client.private,
    archive: cpioArchive([
      { kind: 'folder', path: 'etc/dropbear', mode: 0o700 },
      { kind: 'file', path: 'etc/dropbear/host-key', mode: 0o600, data: dropbearKey(hostPrivate, hostPublic) },
      { kind: 'folder', path: 'root/.ssh', mode: 0o700 },
      { kind: 'file', path: 'root/.ssh/authorized_keys', mode: 0o600, data: Buffer.from(`${client.public}\n`) },
    ]),
  }
}

/** ssh2 makes one pair in about 250 that it cannot read itself; with it nobody would ever get into a guest. */
const clientKeys = (): ReturnType<typeof ssh2.utils.generateKeyPairSync> => {
  for (;;) {
    const pair = ssh2.utils.generateKeyPairSync('ed25519')
    if ([pair.private, pair.public].every((key) => !(ssh2.utils.parseKey(key) instanceof Error))) return pair
  }
}

/** Dropbear keeps the type, then seed and public key as one string of 64 bytes (dropbear's ed25519.c, buf_put_ed25519_priv_key). */
const dropbearKey = (seed: Buffer, publicKey: Buffer): Buffer =>
  Buffer.concat([sshString(Buffer.from(KEY_TYPE)), sshString(Buffer.concat([seed, publicKey]))])

/** RFC 4251 section 5: length in 4 bytes, big endian, then the bytes. */
const sshString = (bytes: Buffer): Buffer => {
  const length = Buffer.alloc(4)
  length.writeUInt32BE(bytes.length)
  return Buffer.concat([length, bytes])
}
