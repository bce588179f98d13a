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
}

/** Cases that fail on kernels that are out: that is expected, and so is a pass, where it is mended. */
export const KNOWN_FAILURES: readonly KnownFailure[] = [
  {
    match: /^selftests-iommu\/iommufd\.iommufd_ioas\.\w+\.dmabuf_(?:simple|revoke)$/,
    because: 'in 7.3-rc7 iommufd_test_dmabuf_get() returns 0 instead of the descriptor',
    until: '2027-03-31',
    outcome: 'fail',
    looks: /./,
  },
  {
    match: /^ioas-map\/memory-that-rounds-over$/,
    because: 'iopt_alloc_pages() of 7.3-rc7 adds the offset in the first page to the length, which then is no page at all; nothing is mapped, but anybody with /dev/iommu has the kernel warn',
    until: '2027-03-31',
    outcome: 'crash',
    looks: /^WARNING in iopt_[a-z_]+$/,
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

/** The case with what is known of it. */
export const withKnownFailure = (info: PlannedCase, now: number): PlannedCase => {
  const knownFailure = flawOf(KNOWN_FAILURES, info.id, now)
  return knownFailure === undefined ? info : { ...info, knownFailure }
}

const DAY_MS = 24 * 3600 * 1000
