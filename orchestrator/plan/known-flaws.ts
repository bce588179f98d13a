import type { MachineFacts } from '../machine/machine-spec.ts'
import type { PlannedCase } from './plan.ts'

/** A flaw of a suite of somebody else, or of the kernels that it is run on. After its last day it counts no more: then it must be looked at again. */
export interface KnownFlaw {
  /** Of a case id. */
  readonly match: RegExp
  readonly because: string
  /** ISO date. */
  readonly until: string
}

/** How a kernel that is out is known to be wrong. */
export interface KnownFailure extends KnownFlaw {
  readonly outcome: 'fail' | 'crash'
  /** What the case says of it then, or the title of the splat: whatever else goes wrong is not known. */
  readonly looks: RegExp
  /** Only where the IOMMU of the machine has this. */
  readonly behind?: MachineFacts['iommu'][number]
}

/** Cases that fail on kernels that are out: that is expected, and so is a pass, where it is mended. */
export const KNOWN_FAILURES: readonly KnownFailure[] = [
  {
    match: /^selftests-iommu\/iommufd\.iommufd_ioas\.\w+\.dmabuf_(?:simple|revoke)$/,
    because: 'in 7.3-rc7 iommufd_test_dmabuf_get() returns 0 instead of the descriptor',
    until: '2027-03-31',
    outcome: 'fail',
    looks: /_test_(?:ioctl_ioas_map_file|cmd_revoke_dmabuf)\(/,
  },
  {
    match: /^dma\/unmapped-over-a-gib(?:-group)?$/,
    because: 'cache_tag_flush_iotlb() of 7.3-rc7 asks a first stage to forget more pages at once than the IOMMU takes (MAMV of its capabilities): it refuses with an invalidation queue error, and the device goes on reaching them',
    until: '2027-03-31',
    outcome: 'fail',
    looks: /^pages of 2 at 0xbffff000 that the device reaches after they were unmapped: /,
    behind: 'first-stage',
  },
  {
    match: /^ioas-map\/memory-that-rounds-over$/,
    because: 'iopt_alloc_pages() of 7.3-rc7 adds the offset in the first page to the length, which then is no page at all; nothing is mapped, but anybody with /dev/iommu has the kernel warn',
    until: '2027-03-31',
    outcome: 'crash',
    looks: /^WARNING in iopt_[a-z_]+$/,
  },
  {
    match: /^iommufd-compat\/map-without-access$/,
    because: 'linux/vfio.h wants a mapping to be readable or writable, as type1 does; iommufd_vfio_map_dma() of 7.3-rc7 does not look',
    until: '2027-03-31',
    outcome: 'fail',
    looks: /^VFIO_IOMMU_MAP_DMA\(.*\): EINVAL expected, got success/,
  },
  {
    match: /^locked-memory\/handed-on-by-privileged$/,
    because: 'iommufd_ioas_change_process() of 7.3-rc7 moves nothing of who mapped with CAP_IPC_LOCK, though it was counted in his pinned_vm: it stays there, and that of the other one falls below zero',
    until: '2027-03-31',
    outcome: 'fail',
    looks: /^kB pinned by who mapped and by who took it over: \[0, 32\] expected, got \[32, 0\]/,
  },
  {
    match: /^mdev-dma-logging\/range-of-no-bytes$/,
    because: 'vfio_ioctl_device_feature_logging_start() of 7.3-rc7 takes it for one that ends before it begins, at address 0 for one of all addresses',
    until: '2027-03-31',
    outcome: 'fail',
    looks: /^VFIO_DEVICE_FEATURE\(.*\): EINVAL expected, got success/,
  },
  {
    match: /^mdev-dma-logging\/page-size$/,
    because: 'VFIO of 7.3-rc7 wants the ranges to be aligned to it and no more, and mtty_log_start() answers with whatever it was asked for',
    until: '2027-03-31',
    outcome: 'fail',
    looks: /^a page size of 0x3 was chosen for 0x3\b/,
  },
  {
    match: /^mdev-lifetime\/create-one-more-character$/,
    because: 'create_store() of 7.3-rc7 lets a newline behind the uuid pass, and with it every other character',
    until: '2027-03-31',
    outcome: 'fail',
    looks: /EINVAL expected, got success/,
  },
  {
    match: /^mdev-gfx\/bar-one-memory$/,
    because: 'mdev_access() of mbochs of 7.3-rc7 takes the offset from the wrong BAR: read(2) and write(2) are two pages further on than a mapping',
    until: '2027-03-31',
    outcome: 'fail',
    looks: /^what was written where it is mapped, by read\(2\): /,
  },
  {
    match: /^mdev-crashes\/mtty-closed-in-resuming$/,
    because: 'mtty_close_device() of 7.3-rc7 forgets the file of a device that resumes and not that it resumes; mtty_load_state() then looks into no file',
    until: '2027-03-31',
    outcome: 'crash',
    looks: /^NULL pointer dereference/,
  },
  {
    match: /^fault-injection-cdev\/replace-keeps-dma$/,
    because: 'when the drivers of 7.3-rc7 are refused memory for the new page table, they have let go of the old one already: the device is left with none',
    until: '2027-03-31',
    outcome: 'fail',
    looks: /^state after VFIO_DEVICE_ATTACH_IOMMUFD_PT\(.*\), its allocation \d+ refused: /,
  },
  {
    match: /^fault-injection-(?:cdev\/(?:detach|close)|group\/(?:second-group|unset-container|close-device))$/,
    because: 'the drivers of 7.3-rc7 allocate where a device goes back to the page table that it had before its owner, and the kernel can only warn when they fail',
    until: '2027-03-31',
    outcome: 'crash',
    looks: /^(?:(?:, )?WARNING in (?:__iommu_group_set_core_domain|__iommu_release_dma_ownership))+$/,
  },
  {
    match: /^fault-injection\/(?:ioas-unmap|compat-split)$/,
    because: 'viommu_unmap_pages() of 7.3-rc7 allocates the request that it sends: without memory nothing is unmapped, and iommufd can only warn',
    until: '2027-03-31',
    outcome: 'crash',
    looks: /^WARNING in iommu_unmap_nofail$/,
    behind: 'virtio',
  },
  {
    match: /^fault-injection-group\/unmap$/,
    because: 'viommu_unmap_pages() of 7.3-rc7 allocates the request that it sends: without memory nothing is unmapped, and type1 leaves the pages pinned',
    until: '2027-03-31',
    outcome: 'crash',
    looks: /^WARNING in vfio_unmap_unpin$/,
    behind: 'virtio',
  },
]

/** Cases that are green and do nothing: they are absent, because a pass of them says nothing. */
export const HOLLOW_CASES: readonly KnownFlaw[] = [
  {
    match: /^selftests-iommu\/iommufd\.iommufd_mock_domain\.\w+_hugepage\.all_aligns(?:_copy)?$/,
    because: 'its body maps nothing with huge pages: its inner loop starts at its end',
    until: '2027-06-30',
  },
  {
    match: /^selftests-iommu\/iommufd\.iommufd_ioas\.(?:two_)?mock_domain\w*\.ioas_align_change$/,
    because: 'its body returns at once where there is a domain',
    until: '2027-06-30',
  },
]

/** @param now milliseconds since the epoch */
export const flawOf = <Flaw extends KnownFlaw>(flaws: readonly Flaw[], caseId: string, now: number): Flaw | undefined =>
  flaws.find(({ match, until }) => now < Date.parse(until) + DAY_MS && match.test(caseId))

/** The case with what is known of it on this machine. */
export const withKnownFailure = (info: PlannedCase, machine: MachineFacts, now: number): PlannedCase => {
  const knownFailure = flawOf(KNOWN_FAILURES.filter(({ behind }) => behind === undefined || machine.iommu.includes(behind)), info.id, now)
  return knownFailure === undefined ? info : { ...info, knownFailure }
}

const DAY_MS = 24 * 3600 * 1000
