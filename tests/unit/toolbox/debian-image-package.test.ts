import { expect, test } from 'vitest'
import { newestImage } from '../../../orchestrator/toolbox/debian-image-package.ts'

const versions = { '7.2.13+deb14': '7.2.13-1', '7.3': '7.3~rc7-1~exp1' }
/** As sid and experimental have them. */
const archive = Object.entries(versions).flatMap(([number, version]) =>
  ['', 'cloud-', 'rt-'].flatMap((variant) => [
    `linux-image-${variant}amd64`, `linux-image-${number}-${variant}amd64`, `linux-image-${number}-${variant}amd64-dbg`, `linux-image-${number}-${variant}amd64-unsigned`,
  ].map((name) => ({ name, version }))))

test.each([
  ['linux-image-*-amd64', 'linux-image-7.3-amd64'],
  ['linux-image-*', 'linux-image-7.3-amd64'],
  ['linux-image-amd64', 'linux-image-amd64'],
  ['linux-image-7.2*-amd64', 'linux-image-7.2.13+deb14-amd64'],
  ['linux-image-*-cloud-amd64', 'linux-image-7.3-cloud-amd64'],
  ['linux-image-7.2.13+deb14-rt-amd64', 'linux-image-7.2.13+deb14-rt-amd64'],
  ['linux-image-*-dbg', undefined],
  ['linux-image-*-unsigned', undefined],
  ['linux-source-*', undefined],
])('%s means %s', (glob, name) => {
  expect(newestImage(archive, glob)?.name).toBe(name)
  expect(newestImage(archive.toReversed(), glob)?.name).toBe(name)
})
