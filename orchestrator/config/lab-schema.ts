import { z } from 'zod'
import { DEVICE_KINDS, TOPOLOGIES } from '../../guest-agent/protocol.ts'
import { dmaOptions } from '../../images/devices/vfio-user-dma/options.ts'
import { suggestion } from '../host/nearest-name.ts'
import { jsonObject } from '../machine/json-object.ts'
import { MOST_SLOTS } from '../machine/slot-args.ts'
import type { LabConfig } from './lab-config.ts'

/** An object that says which key is meant when it is given one that it does not know. */
const strict = <Shape extends z.core.$ZodLooseShape>(shape: Shape) =>
  z.strictObject(shape, {
    error: (issue) => {
      if (issue.code !== 'unrecognized_keys') return undefined
      const known = Object.keys(shape)
      return issue.keys.map((key) => `unknown key ${key}${suggestion(key, known)}`).join('; ')
    },
  })

const packageGlob = (example: string) =>
  z.string().regex(/^[a-z0-9][a-z0-9.+*?[\]-]*$/, `must be the name of a Debian package or a glob, e.g. ${example}`)

const source = z.discriminatedUnion(
  'kind',
  [
    strict({ kind: z.literal('debian'), packageGlob: packageGlob('linux-source-*') }),
    strict({ kind: z.literal('git'), dir: z.string().min(1, 'must be a folder'), ref: z.string().regex(/^[^-\s]\S*$/, 'must be a branch, a tag or a commit') }),
    strict({ kind: z.literal('git-url'), url: z.string().regex(/^(?:https?|git|file):\/\/[^\s-]\S*$/, 'must be an address that begins with https://, http:// or git://'), ref: z.string().regex(/^[^-\s]\S*$/, 'must be a branch, a tag or a commit') }),
    strict({ kind: z.literal('tarball'), file: z.string().min(1, 'must be a file') }),
    strict({ kind: z.literal('tree'), dir: z.string().min(1, 'must be a folder') }),
    strict({
      kind: z.literal('prebuilt'),
      bzImage: z.string().min(1, 'must be a file'),
      config: z.string().min(1, 'must be a file'),
      modules: z.string().min(1, 'must be a folder').optional(),
      headers: z.string().min(1, 'must be a folder').optional(),
    }),
    strict({ kind: z.literal('debian-image'), packageGlob: packageGlob('linux-image-*-amd64') }),
  ],
  {
    error: "must be debian('linux-source-*'), tree('/path/to/linux'), git('/path/to/linux', 'v7.2'), git('https://...', 'v7.2'), "
      + "tarball('linux.tar.xz'), prebuilt({ bzImage, config, modules }) or debianImage('linux-image-*-amd64')",
  },
)

const iommu = z.discriminatedUnion(
  'kind',
  [
    strict({
      kind: z.literal('intel'),
      interruptRemapping: z.boolean(),
      cachingMode: z.boolean(),
      scalable: z.boolean(),
      firstStage: z.boolean(),
      deviceIotlb: z.boolean(),
      pasidBits: z.int().min(0).max(20),
      svm: z.boolean(),
      addressBits: z.union([z.literal(39), z.literal(48)]),
    }),
    strict({ kind: z.literal('amd'), interruptRemapping: z.boolean(), deviceIotlb: z.boolean() }),
    strict({ kind: z.literal('virtio'), addressBits: z.int().min(32).max(64).optional() }),
  ],
  { error: 'must be intelIommu({...}), amdIommu({...}) or virtioIommu()' },
)

const device = z.discriminatedUnion('kind', [
  strict({ kind: z.literal('edu'), dmaMask: z.bigint().positive() }),
  strict({ kind: z.literal('pci-testdev') }),
  strict({ kind: z.literal('iommu-testdev') }),
  strict({ kind: z.literal('pcie-ats-testdev') }),
  strict({ kind: z.literal('vfio-user-dma'), options: dmaOptions }),
  strict({ kind: z.literal('vfio-user'), file: z.string().min(1, 'must be a file'), options: jsonObject.optional() }),
  strict({ kind: z.literal('nvme'), virtualFunctions: z.int().nonnegative() }),
  strict({ kind: z.literal('igb') }),
  strict({ kind: z.literal('e1000e') }),
  strict({ kind: z.literal('virtio-rng'), ats: z.boolean() }),
  strict({ kind: z.literal('ivshmem'), sizeMiB: z.int().positive() }),
])

const place = strict({ kind: z.enum(TOPOLOGIES), devices: z.array(device).readonly() })

const slot = z.union([device, place], { error: 'must be a device such as edu(), or a place with devices such as oneGroup(edu(), pciTestdev())' })

const machine = strict({
  iommu: iommu.optional(),
  devices: z.array(slot).max(MOST_SLOTS, `at most ${MOST_SLOTS} entries: each takes a slot of the root bus`),
  memoryMiB: z.int().min(256).max(65_536).optional(),
  cpus: z.int().min(1).max(64).optional(),
  onRequest: z.boolean().optional(),
  qemu: z.string().min(1, 'must be the path of a QEMU').optional(),
})

const fragments = z.array(z.string().min(1))

const suite = z.union([
  z.string().min(1),
  z.discriminatedUnion('kind', [
    strict({ kind: z.literal('kselftest'), folder: z.string().regex(/^[\w-]+(?:\/[\w-]+)*$/, 'must be a folder of tools/testing/selftests/, e.g. vfio') }),
    strict({
      kind: z.literal('program'),
      name: z.string().regex(/^[a-z0-9][a-z0-9-]{0,63}$/, 'must be a name of a-z, 0-9 and -'),
      build: z.string().min(1, 'must be a command').optional(),
      run: z.array(z.string()).min(1, 'must be a program and its arguments')
        .refine(([file = '']) => /^(?!\/)(?!(?:.*\/)?\.\.(?:\/|$)).+/.test(file), 'must begin with a program below the folder that it is taken from, e.g. ./mine').readonly(),
      output: z.enum(['ktap', 'tap', 'exit-code']),
      device: z.enum(DEVICE_KINDS).optional(),
      timeoutSeconds: z.number().min(1).max(3600).optional(),
    }),
  ]),
], { error: "must be the name of a suite, kselftest('vfio') or program({ name, build, run, output })" })

const exclusion = strict({
  kernel: z.string().optional(),
  config: z.string().optional(),
  machine: z.string().optional(),
  because: z.string().trim().min(1, 'must say why'),
})

/** The shape of a user's config; names and files are checked by resolveConfig. */
export const labSchema = strict({
  kernels: z.record(z.string(), strict({ source })),
  configs: z.record(z.string(), z.union([fragments, strict({ fragments, onRequest: z.boolean() })], { error: 'must be a list of fragments, or { fragments, onRequest }' })),
  machines: z.record(z.string(), machine),
  suites: z.array(suite).min(1, 'must name a suite, e.g. native').optional(),
  exclude: z.array(exclusion).optional(),
  tools: z.enum(['toolbox', 'host']).optional(),
  limits: strict({
    bootSeconds: z.number().min(1).max(86_400).optional(),
    buildMinutes: z.number().min(1).max(1440).optional(),
    storeGiB: z.number().min(0).max(10_000).optional(),
    sourceTrees: z.int().min(1).max(1000).optional(),
  }).optional(),
}) satisfies z.ZodType<LabConfig>
