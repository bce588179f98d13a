import { expect, it } from 'vitest'
import { parseForwardedPort } from '../../../orchestrator/vm/forwarded-port.ts'

it('reads the port of the guest\'s SSH and no other', () => {
  const table = [
    'Hub -1 (lab):',
    '  Protocol[State]    FD  Source Address  Port   Dest. Address  Port RecvQ SendQ',
    '  TCP[ESTABLISHED]   31       127.0.0.1 50000       10.0.2.15    22     0     0',
    '  TCP[HOST_FORWARD]  13       127.0.0.1 38721       10.0.2.15    22     0     0',
    '  UDP[236 sec]       17       10.0.2.15 50000       10.0.2.3     53     0     0',
  ].join('\r\n')
  expect(parseForwardedPort(table)).toBe(38721)
  expect(parseForwardedPort('')).toBeUndefined()
})
