import {
  amdIommu, behindSwitch, behindSwitchFunctions, bypassingIommu, debian, defineLab, e1000e, edu, igb, intelIommu, iommuTestdev, ivshmem, kselftest, multifunction, nvme,
  oneGroup, pcieAtsTestdev, pciTestdev, pluggedLater, vfioUserDma, virtioIommu, virtioRng,
} from 'vfio-lab'

const devices = [edu(), pciTestdev(), iommuTestdev(), nvme(), igb()]

/** The default lab: three kernels behind four kinds of IOMMU, twelve cells. Copy this file and change it. */
export default defineLab({
  kernels: {
    debian: { source: debian('linux-source-*') },
  },
  // Names of kernel-configs/*.config; the last line about a symbol wins.
  configs: {
    noiommu: ['iommufd', 'group', 'container', 'cdev', 'noiommu'],
    'no-container': ['iommufd', 'cdev', 'no-group', 'noiommu-cdev'],
    iommufd: ['iommufd', 'group', 'cdev', 'iommufd-container'],
    // The rest is built and judged when --config names it, or with --all.
    'group-only': { onRequest: true, fragments: ['iommufd', 'group', 'cdev', 'no-container'] },
    legacy: { onRequest: true, fragments: ['group', 'container', 'noiommu', 'no-iommufd'] },
    modular: { onRequest: true, fragments: ['iommufd', 'group', 'container', 'cdev', 'noiommu', 'modules'] },
    mdev: { onRequest: true, fragments: ['iommufd', 'group', 'container', 'cdev', 'noiommu', 'mdev'] },
    debugfs: { onRequest: true, fragments: ['iommufd', 'cdev', 'no-group', 'noiommu-cdev', 'mdev', 'debugfs'] },
    'mdev-no-group': { onRequest: true, fragments: ['iommufd', 'cdev', 'no-group', 'noiommu-cdev', 'mdev'] },
    // Kernels that are compiled as a whole for themselves: allocations that fail when a case says so; all that finds hidden mistakes, and runs slower.
    'fault-injection': { onRequest: true, fragments: ['iommufd', 'group', 'container', 'cdev', 'noiommu', 'fault-injection'] },
    debug: { onRequest: true, fragments: ['iommufd', 'group', 'container', 'cdev', 'noiommu', 'fault-injection', 'debug'] },
    // What kselftest('iommu') needs.
    'iommufd-test': { onRequest: true, fragments: ['iommufd', 'group', 'cdev', 'iommufd-container', 'iommufd-test'] },
  },
  machines: {
    none: { devices },
    intel: { iommu: intelIommu({ cachingMode: true }), devices },
    'intel-scalable': { iommu: intelIommu({ scalable: true, firstStage: true, deviceIotlb: true }), devices },
    virtio: { iommu: virtioIommu(), devices },
    // The rest is judged when --machine names it, or with --all.
    amd: { onRequest: true, iommu: amdIommu(), devices },
    'intel-39': { onRequest: true, iommu: intelIommu({ addressBits: 39 }), devices },
    'intel-unsafe': { onRequest: true, iommu: intelIommu({ interruptRemapping: false }), devices },
    'intel-svm': { onRequest: true, iommu: intelIommu({ scalable: true, firstStage: true, deviceIotlb: true, pasidBits: 20, svm: true }), devices },
    'more-devices': {
      onRequest: true,
      iommu: intelIommu({ cachingMode: true }),
      devices: [edu(), pciTestdev(), iommuTestdev(), nvme({ virtualFunctions: 2 }), igb(), e1000e(), virtioRng(), ivshmem()],
    },
    'intel-ats': { onRequest: true, iommu: intelIommu({ scalable: true, deviceIotlb: true }), devices: [edu(), pciTestdev(), pcieAtsTestdev(), virtioRng({ ats: true })] },
    'vfio-user': { onRequest: true, iommu: intelIommu({ cachingMode: true }), devices: [edu(), pciTestdev(), vfioUserDma()] },
    // More of everything than an IOMMU or a processor has; for the suite of this name.
    exhaustion: {
      onRequest: true,
      memoryMiB: 2048,
      iommu: intelIommu({ cachingMode: true, scalable: true, pasidBits: 20 }),
      devices: [edu(), pciTestdev(), vfioUserDma({ pasidBits: 20, interrupts: { msix: 256 } })],
    },
    places: {
      onRequest: true,
      iommu: intelIommu(),
      devices: [
        ...devices,
        oneGroup(edu(), pciTestdev()),
        multifunction(edu(), pciTestdev()),
        behindSwitch(edu(), iommuTestdev()),
        behindSwitchFunctions(edu(), pciTestdev()),
        bypassingIommu(edu(), iommuTestdev()),
        pluggedLater(edu()),
      ],
    },
  },
  // The kernel's own selftests run when --suite names them.
  suites: ['native', kselftest('vfio'), kselftest('iommu')],
})
