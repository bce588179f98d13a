import { expect, test } from 'vitest'
import { madisonRows } from '../../../orchestrator/toolbox/apt-archive.ts'

test('versions are read from apt-cache madison, and nothing but package rows', () => {
  const output = [
    'linux-source-7.3 | 7.3~rc7-1~exp1 | http://deb.debian.org/debian experimental/main amd64 Packages',
    '     linux | 7.2.13-1 | http://deb.debian.org/debian sid/main Sources',
    'N: something that apt remarks',
    'linux-source-7.2 |   7.2.13-1 | http://deb.debian.org/debian sid/main amd64 Packages',
    '',
  ].join('\n')
  expect(madisonRows(output)).toEqual([{ name: 'linux-source-7.3', version: '7.3~rc7-1~exp1' }, { name: 'linux-source-7.2', version: '7.2.13-1' }])
})
