import { expect, test } from 'vitest'
import { madisonRows, partsOf } from '../../../orchestrator/toolbox/apt-archive.ts'

test('versions are read from apt-cache madison, and nothing but package rows', () => {
  const output = [
    'linux-source-7.3 | 7.3~rc7-1~exp1 | http://deb.debian.org/debian experimental/main amd64 Packages',
    '     linux | 7.2.13-1 | http://deb.debian.org/debian sid/main Sources',
    'N: something that apt remarks',
    'linux-source-7.2 |   7.2.13-1 | http://deb.debian.org/debian sid/main amd64 Packages',
    '',
  ].join('\n')
  expect(madisonRows(output, 'Packages')).toEqual([{ name: 'linux-source-7.3', version: '7.3~rc7-1~exp1' }, { name: 'linux-source-7.2', version: '7.2.13-1' }])
  expect(madisonRows(output, 'Sources')).toEqual([{ name: 'linux', version: '7.2.13-1' }])
})

test('the parts of a package are those it needs in its own version', () => {
  const stanza = [
    'Package: linux-image-7.3-amd64',
    'Depends: dracut | initramfs-tools (>= 0.120+deb8u2), linux-base-7.3-amd64 (= 7.3~rc7-1~exp1), linux-modules-7.3-amd64 (= 7.3~rc7-1~exp1), linux-old (= 7.3~rc6-1)',
    'Pre-Depends: linux-base (>= 4.17~)',
    '',
  ].join('\n')
  expect(partsOf(stanza, '7.3~rc7-1~exp1')).toEqual(['linux-base-7.3-amd64', 'linux-modules-7.3-amd64'])
  expect(partsOf('Package: x\n', '1')).toEqual([])
})
