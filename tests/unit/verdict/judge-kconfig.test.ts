import { describe, expect, test } from 'vitest'
import type { ConfiguredKernel } from '../../../orchestrator/kernel/built-kernel.ts'
import { judgeCell } from '../../../orchestrator/verdict/judge-cell.ts'
import { judgeKconfig } from '../../../orchestrator/verdict/judge-kconfig.ts'
import { aCase, planOf, unbuilt } from './made-up-cell.ts'

const configured = (config: Readonly<Record<string, string>>, lacks: readonly string[] = []): ConfiguredKernel => ({
  status: 'configured', facts: { config, uapi: [] }, release: '7.3.0', buildMs: 0,
  notAsked: lacks.map((symbol) => ({ symbol, asked: 'y', fragment: 'kconfig-1.config', where: symbol })),
})
const cdev = { asks: { VFIO_GROUP: 'n', VFIO_NOIOMMU: 'y' }, becomes: { VFIO_GROUP: 'n', VFIO_NOIOMMU: 'y', IOMMUFD_NOIOMMU: 'y' }, older: { VFIO_NOIOMMU: 'n' } }

describe('what olddefconfig made of a row', () => {
  test('passes when every symbol came out as it must', () => {
    expect(judgeKconfig([cdev], [configured({ VFIO_NOIOMMU: 'y', IOMMUFD_NOIOMMU: 'y' })])).toEqual({ outcome: 'pass' })
  })

  test('fails with what was asked, what came and why', () => {
    const lost = { ...unbuilt, facts: { config: { VFIO_GROUP: 'y' }, uapi: [] }, lost: [{ symbol: 'VFIO_NOIOMMU', asked: 'y', got: 'n', fragment: 'kconfig-1.config', unmet: 'VFIO_CONTAINER (=n)' }] }
    expect(judgeKconfig([cdev, cdev], [configured({ VFIO_NOIOMMU: 'y', IOMMUFD_NOIOMMU: 'y' }), lost])).toEqual({
      outcome: 'fail',
      message: 'asked for VFIO_GROUP=n VFIO_NOIOMMU=y: VFIO_GROUP is y and must be n, VFIO_NOIOMMU is n and must be y (VFIO_CONTAINER (=n)), IOMMUFD_NOIOMMU is n and must be y',
    })
  })

  test('is held against the older table on a tree that lacks IOMMUFD_NOIOMMU, and on no other', () => {
    expect(judgeKconfig([cdev], [configured({}, ['IOMMUFD_NOIOMMU'])]).outcome).toBe('pass')
    expect(judgeKconfig([cdev], [configured({ VFIO_NOIOMMU: 'y' }, ['IOMMUFD_NOIOMMU'])]).message).toContain('VFIO_NOIOMMU is y and must be n')
    expect(judgeKconfig([cdev], [configured({}, ['VFIO_NOIOMMU'])]).message).toContain('VFIO_NOIOMMU is n and must be y (no Kconfig file defines it)')
  })

  test('fails when Kconfig made nothing of it', () => {
    expect(judgeKconfig([cdev], [{ ...unbuilt, because: 'drivers/vfio/Kconfig:12: syntax error' }]).message).toBe('asked for VFIO_GROUP=n VFIO_NOIOMMU=y: drivers/vfio/Kconfig:12: syntax error')
    expect(judgeKconfig([cdev], []).outcome).toBe('fail')
  })
})

describe('a cell with a case that is put to the tree', () => {
  const row = { ...aCase('kconfig/cdev-alone'), kconfig: [cdev] }
  const judged = (kernel: Parameters<typeof planOf>[1], kconfig: Parameters<typeof judgeCell>[2]['kconfig']) =>
    judgeCell({ ...planOf([], kernel), cases: [row] }, [], { qemu: '11.1.3', ...(kconfig === undefined ? {} : { kconfig }) })

  test('is judged without a guest', () => {
    expect(judged(configured({}), { verdicts: new Map([[row.id, { outcome: 'pass', durationMs: 5 }]]) })).toMatchObject({ status: 'ok', cases: [{ outcome: 'pass', unexpected: false, durationMs: 5 }] })
    expect(judged(configured({}), { verdicts: new Map([[row.id, { outcome: 'fail', message: 'so', durationMs: 5 }]]) })).toMatchObject({ status: 'failed', cases: [{ outcome: 'fail', unexpected: true, message: 'so' }] })
  })

  test('is judged though its own kernel was not built', () => {
    expect(judged(unbuilt, { verdicts: new Map([[row.id, { outcome: 'fail', durationMs: 5 }]]) })).toMatchObject({ status: 'build-failed', cases: [{ outcome: 'fail' }] })
  })

  test('is the lab\'s when the lab could not ask', () => {
    expect(judged(configured({}), { verdicts: new Map(), because: 'no space' })).toMatchObject({ status: 'lab-error', because: 'no space', cases: [{ outcome: 'not-run', unexpected: true, because: 'no space' }] })
  })

  test('is not run when nobody asked', () => {
    expect(judged(configured({}), undefined)).toMatchObject({ status: 'failed', cases: [{ outcome: 'not-run', unexpected: true }] })
  })
})
