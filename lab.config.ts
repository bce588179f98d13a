import { debian, defineLab, edu, intelIommu, iommuTestdev, pciTestdev, virtioIommu } from 'vfio-lab'

const devices = [edu(), pciTestdev(), iommuTestdev()]

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
  },
  machines: {
    none: { devices },
    intel: { iommu: intelIommu({ cachingMode: true }), devices },
    'intel-scalable': { iommu: intelIommu({ scalable: true, firstStage: true, deviceIotlb: true }), devices },
    virtio: { iommu: virtioIommu(), devices },
  },
  suites: ['native'],
})
