import { expect, it } from 'vitest'
import { lddPaths } from '../../../orchestrator/image/libraries.ts'

it('finds each library and the loader once, whatever program needs it', () => {
  const output = [
    '/usr/sbin/dropbear:',
    '\tlinux-vdso.so.1 (0x00007f47ac9bf000)',
    '\tlibz.so.1 => /lib/x86_64-linux-gnu/libz.so.1 (0x00007f47ac855000)',
    '\tlibc.so.6 => /lib/x86_64-linux-gnu/libc.so.6 (0x00007f47ac623000)',
    '\t/lib64/ld-linux-x86-64.so.2 (0x00007f47ac9c1000)',
    '/opt/node:',
    '\tlibc.so.6 => /lib/x86_64-linux-gnu/libc.so.6 (0x00007f47ac623000)',
  ].join('\n')
  expect(lddPaths(output)).toEqual(['/lib/x86_64-linux-gnu/libc.so.6', '/lib/x86_64-linux-gnu/libz.so.1', '/lib64/ld-linux-x86-64.so.2'])
})
