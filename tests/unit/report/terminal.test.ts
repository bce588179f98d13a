import { stripVTControlCharacters } from 'node:util'
import fc from 'fast-check'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { labEvent } from '../../../orchestrator/report/event-schema.ts'
import { terminalKind } from '../../../orchestrator/report/paint.ts'
import { terminal } from '../../../orchestrator/report/terminal.ts'
import type { LabEvent } from '../../../orchestrator/run/lab-event.ts'
import { fakeRun } from './fake-run.ts'

const screen = (isTTY: boolean, columns: number) => {
  const written: string[] = []
  return { isTTY, columns, rows: 24, written, write: (text: string) => { written.push(text) } }
}

const show = (stream: ReturnType<typeof screen>, events: Iterable<LabEvent>, env: Record<string, string> = {}, each: () => void = () => undefined) => {
  const reporter = terminal({ stream, env, runDir: '.lab/runs/20261120-141503-9f3a', sourceArgs: { tree: '/home/me/linux tree', patches: [] } })
  for (const event of events) {
    reporter.onEvent?.(event)
    each()
  }
  reporter.onEnd?.()
  return stream.written.join('')
}

beforeEach(() => { vi.useFakeTimers() })
afterEach(() => { vi.useRealTimers() })

describe('on a pipe', () => {
  it('is plain text, a line an event, and the report at the end', () => {
    expect(show(screen(false, 100), fakeRun())).toMatchInlineSnapshot(`
      "[    0.0] run 20261120-141503-9f3a
      [    0.7] tcg, because /dev/kvm does not exist
      [    1.4] debian: unpacking linux-source-7.3
      [    2.1] debian/noiommu: configuring
      [    3.5] debian/noiommu: built in 7:32 min
      [    4.2] debian/no-container: kernel from the store
      [    4.9] 6 cells, 12 cases planned, cells excluded: 1
      [    6.3] build-failed debian/iommufd/intel  a symbol that was asked for is lost  build 9.0 s
      [    7.7] build-failed debian/iommufd/none  a symbol that was asked for is lost  build 9.0 s
      [    9.1] debian/no-container/intel: booting
      [    9.8] boot-failed  debian/no-container/intel  panic before the agent answered: oops in alloc_irq_table  boot 1.9 s
      [   11.2] debian/no-container/none: booting
      [   11.9] debian/no-container/none: the agent answers after 3.1 s
      [   15.4] 2 pass       debian/no-container/none  boot 2.9 s, cases 4.4 s
      [   16.8] debian/noiommu/intel: booting
      [   17.5] debian/noiommu/intel: the agent answers after 3.1 s
      [   21.0] debian/noiommu/intel: ioas/map: fail: IOMMU_IOAS_MAP at 0x1000:
      [   22.4] debian/noiommu/intel: irq/msi: timeout
      [   23.8] debian/noiommu/intel: irq/intx: skip
      [   25.2] debian/noiommu/intel: WARNING in iommufd_device_bind while cdev/bind-twice ran
      [   25.9] 5 FAIL       debian/noiommu/intel  boot 2.9 s, cases 4.4 s
      [   25.9]   cdev/bind-twice: crash
      [   25.9]   ioas/map: fail: IOMMU_IOAS_MAP at 0x1000:
      [   25.9]   irq/msi: timeout
      [   25.9]   irq/intx: skip: no INTx pin
      [   25.9]   reset/bus: not-run
      [   27.3] debian/noiommu/none: booting
      [   28.0] debian/noiommu/none: the agent answers after 3.1 s
      [   31.5] 2 pass       debian/noiommu/none  boot 2.9 s, cases 4.4 s

      debian  7.3.0-rc7
                      none          intel         virtio
        noiommu       2 pass        5 FAIL        -
        no-container  2 pass        boot-failed   -
        iommufd       build-failed  build-failed  excluded

      crash cdev/bind-twice
        WARNING in iommufd_device_bind
        in debian/noiommu/intel
        | WARNING: CPU: 0 PID: 71 at drivers/iommu/iommufd/device.c:271
        | Call Trace:
        |  vfio_df_ioctl_bind_iommufd+0x1a2/0x2d0
        again: ./lab run --tree '/home/me/linux tree' --config noiommu --machine intel --case cdev/bind-twice

      FAIL ioas/map
        IOMMU_IOAS_MAP at 0x1000:
        expected EEXIST
        got 0 # and no more
        in debian/noiommu/intel
        | iommufd: something odd
        again: ./lab run --tree '/home/me/linux tree' --config noiommu --machine intel --case ioas/map

      timeout irq/msi
        in debian/noiommu/intel
        again: ./lab run --tree '/home/me/linux tree' --config noiommu --machine intel --case irq/msi

      skip irq/intx
        skipped, although it was planned
        no INTx pin
        in debian/noiommu/intel
        again: ./lab run --tree '/home/me/linux tree' --config noiommu --machine intel --case irq/intx

      not run reset/bus
        planned, and the guest never reported it
        in debian/noiommu/intel
        again: ./lab run --tree '/home/me/linux tree' --config noiommu --machine intel --case reset/bus

      boot-failed debian/no-container/intel
        panic before the agent answered: oops in alloc_irq_table
        in debian/no-container/intel
        | BUG: kernel NULL pointer dereference, address: 0000000000000018
        | Kernel panic - not syncing: Fatal exception
        again: ./lab run --tree '/home/me/linux tree' --config no-container --machine intel

      build-failed debian/iommufd
        a symbol that was asked for is lost
        CONFIG_IOMMUFD_VFIO_CONTAINER: iommufd-container.config asks for y, the kernel has n; not met: VFIO_GROUP (=n)
        in debian/iommufd/none, debian/iommufd/intel
        again: ./lab run --tree '/home/me/linux tree' --config iommufd

      absent    2 cases that their cells cannot have: 2 VFIO_GROUP is not set
      excluded  debian/iommufd/virtio: not of interest today
      not asked debian/no-container: CONFIG_VFIO_NOIOMMU=y, because this tree has no IOMMUFD_NOIOMMU
      versions  lab 0.1.0, qemu 11.1.3, gcc 14.2.0
      accel     tcg: /dev/kvm does not exist
      files     .lab/runs/20261120-141503-9f3a/: results.json, events.ndjson, ktap/,
                cells/*/*/*/console.log

      6 cells, 12 cases planned, 9 ran: 5 pass, 1 fail, 1 skip, 1 timeout, 2 crash; 8 unexpected, in 1:58 min
      "
    `)
  })
})

describe('on a terminal', () => {
  it('paints at most ten times a second', () => {
    const stream = screen(true, 80)
    show(stream, Array.from({ length: 500 }, () => fakeRun().slice(0, -1)).flat(), {}, () => { vi.advanceTimersByTime(1) })
    const took = 500 * (fakeRun().length - 1)
    expect(stream.written.length).toBeLessThanOrEqual(took / 100 + 2)
    expect(stream.written.length).toBeGreaterThan(took / 250)
  })

  it('shows builds, guests and how far all is', () => {
    const stream = screen(true, 80)
    const seen: string[] = []
    show(stream, fakeRun().slice(0, -1), { NO_COLOR: '1' }, () => {
      vi.advanceTimersByTime(150)
      seen.push(stripVTControlCharacters(stream.written.at(-1) ?? '').replaceAll(/\r/g, '').trimEnd())
    })
    expect(seen[4]).toContain('build   debian/noiommu  812 objects')
    expect(seen.find((window) => window.includes('booting'))).toContain('guest   debian/no-container/intel  booting')
    expect(seen.find((window) => window.includes('ioas/map'))).toMatch(/guest {3}debian\/no-container\/none {2}1 of 2 {2}ioas\/map\nlab {5}3 of 6 cells, \d+ of 12 cases/)
  })

  it('never writes a line of the window wider than the terminal', () => {
    for (const columns of [1, 20, 40, 200]) {
      const stream = screen(true, columns)
      show(stream, fakeRun().slice(0, -1).filter(({ event }) => event !== 'cell-end' && event !== 'notice'), {}, () => { vi.advanceTimersByTime(100) })
      for (const line of stream.written.join('').split('\n')) expect(stripVTControlCharacters(line).replaceAll('\r', '').length).toBeLessThan(Math.max(columns, 1))
    }
  })

  it('takes the window away before the report', () => {
    const written = show(screen(true, 80), fakeRun(), { NO_COLOR: '1' })
    expect(written).toContain('12 cases planned')
    expect(written.slice(written.lastIndexOf('\u001b'))).not.toContain('guest   ')
  })
})

describe('colours', () => {
  it.each([
    [true, {}, { color: true, live: true }],
    [true, { NO_COLOR: '1' }, { color: false, live: true }],
    [true, { NO_COLOR: '' }, { color: true, live: true }],
    [true, { CI: 'true' }, { color: true, live: false }],
    [true, { TERM: 'dumb' }, { color: false, live: false }],
    [false, {}, { color: false, live: false }],
    [false, { FORCE_COLOR: '1' }, { color: true, live: false }],
    [true, { FORCE_COLOR: '0' }, { color: false, live: true }],
    [false, { FORCE_COLOR: '1', NO_COLOR: '1' }, { color: false, live: false }],
  ] as const)('terminal %s with %o: %o', (isTTY, env, kind) => {
    expect(terminalKind(isTTY, env)).toEqual(kind)
  })
})

describe('whatever a guest says', () => {
  const escapes = fc.array(fc.oneof(
    fc.string({ unit: 'binary' }),
    fc.constantFrom('\u001b]0;title\u0007', '\u001b[2J', '\u009b2J', '\u001bc', '\r', '\n', '\b', '\u202e', '\u001b]52;c;aGk=\u001b\\', '\u0007'),
  )).map((parts) => parts.join(''))

  it('nothing of it reaches the terminal but text', () => {
    fc.assert(fc.property(escapes, (evil) => {
      const poisoned = fakeRun().map((event) => poison(event, evil))
      const plain = show(screen(false, 80), poisoned)
      expect(controls(plain)).toEqual([])
      // With colours only what the lab paints itself is left: colours, the way up, and erasing.
      const live = show(screen(true, 80), poisoned, {}, () => { vi.advanceTimersByTime(100) })
      expect(controls(live.replaceAll(OWN, '').replaceAll(/^\r/gm, ''))).toEqual([])
    }), { numRuns: 60 })
  })
})

const OWN = new RegExp(String.raw`\u001b\[(?:[0-9;]*m|\d+A|0J)`, 'g')

const controls = (text: string) => Array.from(text).filter((char) =>
  (char < ' ' && char !== '\t' && char !== '\n') || (char >= '\u007f' && char <= '\u009f') || char === '\u202e')

/** Every text of an event that is not a word of the protocol gets the evil at its end. */
const poison = (event: LabEvent, evil: string): LabEvent => {
  const isText = (key: string) => ['text', 'message', 'because', 'title', 'release', 'unmet', 'qemu'].includes(key)
  const walk = (value: unknown, key: string): unknown => {
    if (typeof value === 'string') return isText(key) ? `${value}${evil}` : value
    if (Array.isArray(value)) return value.map((one: unknown) => walk(one, ['lines', 'tail', 'console'].includes(key) ? 'text' : key))
    if (value === null || typeof value !== 'object') return value
    return Object.fromEntries(Object.entries(value).map(([name, one]) => [name, walk(one, name)]))
  }
  return labEvent.parse(walk(event, ''))
}
