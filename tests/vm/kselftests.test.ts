import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { callLab, callLabRun } from '../lab-process.ts'

const CELL = ['--config', 'iommufd', '--machine', 'intel']
/** How many cases a program has on 7.3. */
const PROGRAMS = {
  vfio_dma_mapping_mmio_test: 15, vfio_dma_mapping_test: 30, vfio_iommufd_setup_test: 6, vfio_pci_device_init_perf_test: 5, vfio_pci_device_test: 5,
  vfio_pci_driver_test: 35, vfio_pci_sriov_uapi_test: 45,
} as const
/** Quick ones, which the short tier runs; the others take a quarter of an hour on a busy host without KVM. */
const QUICK = ['vfio_iommufd_setup_test', 'vfio_pci_device_test'] as const
const full = process.env['LAB_TEST_FULL'] === '1'

const programOf = (id: string): string => /^selftests-vfio\/(\w+)\./.exec(id)?.[1] ?? id

test('all 141 cases of selftests/vfio are planned or absent with a reason, before a guest starts; those of selftests/iommu want another kernel', async () => {
  const { exitCode, stdout } = await callLab(['plan', ...CELL, '--suite', 'selftests-*', '--json'], { timeoutMs: 20 * 60_000 })
  expect(exitCode).toBe(0)
  const text = JSON.stringify(JSON.parse(stdout))
  const ids = new Set([...text.matchAll(/"(selftests-vfio\/[^"]+)"/g)].map((match) => match[1] ?? ''))
  expect(Object.fromEntries([...Map.groupBy(ids, programOf)].map(([program, all]) => [program, all.length]))).toEqual(PROGRAMS)
  const iommu = [...text.matchAll(/"id":"(selftests-iommu\/[^"]+)","because":"([^"]+)"/g)]
  expect(iommu).toHaveLength(254)
  expect(iommu.some(([, , because]) => because === 'FAULT_INJECTION_DEBUG_FS is not set')).toBe(true)
}, 25 * 60_000)

test.each(full ? [undefined] : QUICK)('cases of selftests/vfio pass on igb (%s; all in the full tier)', async (program) => {
  const asked = program === undefined ? ['--suite', 'selftests-vfio'] : ['--case', `selftests-vfio/${program}`]
  const { exitCode, stderr, results } = await callLabRun([...CELL, ...asked], { timeoutMs: 40 * 60_000 })
  expect(stderr).toBe('')
  expect(results?.cells.flatMap(({ cases }) => cases.filter(({ unexpected }) => unexpected).map(({ id, message }) => `${id}: ${message ?? ''}`))).toEqual([])
  const planned = program === undefined ? 135 : PROGRAMS[program]
  expect(results?.summary).toMatchObject({ cells: 1, planned, ran: planned, pass: planned, skip: 0, unexpected: 0 })
  expect(results?.cells[0]?.absent).toHaveLength(program === undefined ? 6 : 0)
  expect(exitCode).toBe(0)
}, 45 * 60_000)

const OWN = `
  import { debian, defineLab, edu, intelIommu, program } from 'vfio-lab'
  export default defineLab({
    kernels: { debian: { source: debian('linux-source-*') } },
    configs: { iommufd: ['iommufd', 'group', 'cdev', 'iommufd-container'] },
    machines: { intel: { iommu: intelIommu({ cachingMode: true }), devices: [edu()] } },
    suites: [
      'native',
      program({ name: 'good', build: 'cp $SRC/say.sh .', run: ['./say.sh', '{bdf}'], output: 'ktap' }),
      program({ name: 'hollow', run: ['hollow.sh'], output: 'ktap' }),
      program({ name: 'status', run: ['status.sh'], output: 'exit-code' }),
      program({ name: 'slow', run: ['slow.sh'], output: 'exit-code', timeoutSeconds: 1 }),
    ],
  })
`
const SCRIPTS = {
  'say.sh': 'echo KTAP version 1; echo 1..1; [ "$(cat /sys/bus/pci/devices/$1/device)" = 0x11e8 ] && echo ok 1 edu',
  'hollow.sh': 'echo TAP version 13; echo 1..0; echo "# PASSED: 0 / 0 tests passed."',
  'status.sh': 'exit 3',
  'slow.sh': 'sleep 600',
}

test('programs of the user: each is one case; what is green and ran nothing is red', async () => {
  const dir = await mkdtemp(join(tmpdir(), 'vfio-lab-own-'))
  try {
    await writeFile(join(dir, 'lab.config.ts'), OWN)
    for (const [name, script] of Object.entries(SCRIPTS)) await writeFile(join(dir, name), `#!/bin/sh\n${script}\n`, { mode: 0o755 })
    const { exitCode, results } = await callLabRun(['--suite', '{good,hollow,status,slow}'], { cwd: dir, timeoutMs: 20 * 60_000 })
    expect(results?.cells[0]?.cases.map(({ id, outcome, message = '' }) => [id, outcome, message.split('\n')[0]])).toEqual([
      ['good/run', 'pass', ''],
      ['hollow/run', 'fail', 'its plan is 1..0: no test was to run'],
      ['status/run', 'fail', 'status 3'],
      ['slow/run', 'timeout', 'did not end within 4000 ms'],
    ])
    expect(exitCode).toBe(1)
  } finally {
    await rm(dir, { recursive: true, force: true })
  }
}, 25 * 60_000)
