import { afterAll, beforeAll, expect, test } from 'vitest'
import { uapiBeliefs } from '../../guest-agent/uapi/beliefs.ts'
import { openKernelSource } from '../../orchestrator/kernel/kernel-source.ts'
import { checkUapi, type UapiCheck } from '../../orchestrator/kernel/uapi-check.ts'
import { headersOfTree, type UapiHeaders } from '../../orchestrator/kernel/uapi-names.ts'
import { openTools } from '../../orchestrator/toolbox/open-tools.ts'

const stack = new AsyncDisposableStack()
const { signal } = new AbortController()
const silent = () => undefined
let check: (headers: UapiHeaders) => Promise<UapiCheck>
let headers: UapiHeaders

beforeAll(async () => {
  const tools = stack.use(await openTools('toolbox', { notice: silent, signal }))
  const opened = await openKernelSource({ kind: 'debian', packageGlob: 'linux-source-*' }, { tools, signal, notice: silent, onText: silent })
  headers = await headersOfTree(stack.use(await opened.prepare([])).slot.tree)
  check = (of) => checkUapi(of, uapiBeliefs(), { tools, signal })
})
afterAll(() => stack.disposeAsync())

const changed = (file: string, from: string | RegExp, to: string): UapiHeaders => {
  const text = headers[file]?.replace(from, to)
  if (text === undefined || text === headers[file]) throw new Error(`${file} has no ${String(from)}`)
  return { ...headers, [file]: text }
}

test("the agent's structs, ioctl numbers and constants are those of the kernel's headers, and it knows all of them", async () => {
  const { differences, unknown, ioctls } = await check(headers)
  expect({ differences, unknown }).toEqual({ differences: [], unknown: [] })
  const numbered = Object.values(headers).join('').match(/define\s+\w+\s+_IO\((VFIO|IOMMUFD)_TYPE/g) ?? []
  expect(ioctls.filter((name) => !name.includes('/'))).toHaveLength(numbered.length)
  expect(ioctls).toEqual(expect.arrayContaining(['IOMMU_DESTROY', 'VFIO_DEVICE_FEATURE', 'VFIO_DEVICE_FEATURE/PCI_VF_TOKEN', 'VFIO_DEVICE_FEATURE/DMA_BUF']))
  expect(ioctls.filter((name) => /(MASK|GET|SET|PROBE|MASTER)$/.test(name) && name.includes('/'))).toEqual(['VFIO_DEVICE_FEATURE/BUS_MASTER'])
})

test('a field that has moved, a number and a flag that have changed are differences', async () => {
  const moved = changed('iommufd.h', /(struct iommu_ioas_map \{[^}]*?)(\t__aligned_u64 length;\n)/, '$1$2\t__aligned_u64 more;\n')
  expect(await check(moved)).toMatchObject({
    differences: ['struct iommu_ioas_map: iova is not at offset 32'], unknown: ['struct iommu_ioas_map: more'],
  })
  const numbers = changed('vfio.h', '#define VFIO_DEVICE_RESET\t\t_IO(VFIO_TYPE, VFIO_BASE + 11)', '#define VFIO_DEVICE_RESET _IO(VFIO_TYPE, VFIO_BASE + 99)')
  expect((await check(numbers)).differences).toEqual(['VFIO_DEVICE_RESET is not 15215'])
  const gone = changed('iommufd.h', /(struct iommu_destroy \{[^}]*?)\t__u32 id;\n/, '$1')
  expect((await check(gone)).differences).toContain('struct iommu_destroy has less than 8 bytes')
})

test('a struct that grew at its end, a new ioctl and a new feature break nothing and are told', async () => {
  const grown = changed('iommufd.h', /(struct iommu_destroy \{[^}]*)\}/, '$1\t__u32 flags;\n}')
  expect(await check(grown)).toMatchObject({ differences: [], unknown: ['struct iommu_destroy: flags'] })
  const more = { ...headers, 'vfio.h': `${headers['vfio.h'] ?? ''}\n#define VFIO_DEVICE_FLY _IO(VFIO_TYPE, VFIO_BASE + 60)\n#define VFIO_DEVICE_FEATURE_WINGS 77\n` }
  expect(await check(more)).toMatchObject({ differences: [], unknown: ['VFIO_DEVICE_FLY', 'VFIO_DEVICE_FEATURE/WINGS'] })
})

test('a header that does not compile is the kernel\'s fault, with file and line', async () => {
  const broken = { ...headers, 'vfio.h': `${headers['vfio.h'] ?? ''}\nstruct vfio_broken { u32 size; };\n` }
  const { differences } = await check(broken)
  expect(differences).toEqual([expect.stringMatching(/^linux\/vfio\.h:\d+: .*u32/)])
})

test('headers that lack something are not asked for it', async () => {
  const { differences, ioctls } = await check({ 'vfio.h': headers['vfio.h'] ?? '' })
  expect(differences).toEqual([])
  expect(ioctls).not.toContain('IOMMU_DESTROY')
})
