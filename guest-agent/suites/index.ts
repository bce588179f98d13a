import { catalogueOf, type Case } from '../case/define-case.ts'
import { nodes } from './nodes.ts'
import { groupOpen } from './group-open.ts'
import { groupStatus } from './group-status.ts'
import { groupContainer } from './group-container.ts'
import { groupDevice } from './group-device.ts'
import { groupNoiommu } from './group-noiommu.ts'
import { containerExtensions } from './container-extensions.ts'
import { containerSetIommu } from './container-set-iommu.ts'
import { containerType1Info } from './container-type1-info.ts'
import { containerType1Map } from './container-type1-map.ts'
import { containerType1Unmap } from './container-type1-unmap.ts'
import { containerType1Vaddr } from './container-type1-vaddr.ts'
import { containerType1Dirty } from './container-type1-dirty.ts'
import { containerType1Groups } from './container-type1-groups.ts'
import { containerIommufd } from './container-iommufd.ts'
import { iommufdObjects } from './iommufd-objects.ts'
import { iommufdStructRules } from './iommufd-structs.ts'
import { vfioStructRules } from './vfio-structs.ts'
import { ioasMap } from './ioas-map.ts'
import { ioasUnmap } from './ioas-unmap.ts'
import { ioasCopy } from './ioas-copy.ts'
import { ioasIovas } from './ioas-iovas.ts'
import { ioasMapFile } from './ioas-map-file.ts'
import { iommufdOptions } from './iommufd-options.ts'
import { iommufdCompat } from './iommufd-compat.ts'
import { faultQueue } from './fault-queue.ts'
import { cdevBind } from './cdev-bind.ts'
import { cdevAttach } from './cdev-attach.ts'
import { cdevTranslation } from './cdev-translation.ts'
import { processes } from './processes.ts'
import { lockedMemoryLimit } from './locked-memory.ts'
import { noRoom } from './no-room.ts'
import { whileMapping } from './while-mapping.ts'
import { notHere } from './not-here.ts'
import { deviceLocked } from './device-locked.ts'
import { cdevLifetime } from './cdev-lifetime.ts'
import { reservedIovas } from './reserved-iovas.ts'
import { ioasPinning } from './ioas-pinning.ts'
import { hwpt } from './hwpt.ts'
import { hwInfo } from './hw-info.ts'
import { viommu } from './viommu.ts'
import { unsafeInterrupts } from './unsafe-interrupts.ts'
import { noiommuMode } from './noiommu-mode.ts'
import { noiommuGetPaRefusals } from './noiommu-get-pa-refusals.ts'
import { noiommuGetPa } from './noiommu-get-pa.ts'
import { noiommuDma } from './noiommu-dma.ts'
import { groupUnbind } from './group-unbind.ts'
import { deviceInfo } from './device-info.ts'
import { pageRequests } from './page-requests.ts'
import { regionAccess } from './region-access.ts'
import { barMmap } from './bar-mmap.ts'
import { configSpace } from './config-space.ts'
import { configMsi } from './config-msi.ts'
import { irqInfo } from './irq-info.ts'
import { irqMsi } from './irq-msi.ts'
import { irqIntx } from './irq-intx.ts'
import { irqRequest } from './irq-request.ts'
import { ioeventfd } from './ioeventfd.ts'
import { exhaustion } from './exhaustion.ts'
import { deviceReset } from './device-reset.ts'
import { hotReset } from './hot-reset.ts'
import { deviceFeature } from './device-feature.ts'
import { dma } from './dma.ts'
import { dmaDevices } from './dma-devices.ts'
import { ats } from './ats.ts'
import { atsAttach } from './ats-attach.ts'
import { atsReset } from './ats-reset.ts'
import { deviceReopen } from './device-reopen.ts'
import { sharedGroup } from './shared-group.ts'
import { bypassing } from './bypassing.ts'
import { hotPlug } from './hot-plug.ts'
import { deviceIdentity } from './device-identity.ts'
import { deviceDebugfs } from './device-debugfs.ts'
import { deviceDma } from './device-dma.ts'
import { deviceQueue } from './device-queue.ts'
import { deviceIrq } from './device-irq.ts'
import { barRam } from './bar-ram.ts'
import { srIov } from './sr-iov.ts'
import { dmaRefused } from './dma-refused.ts'
import { barLayout } from './bar-layout.ts'
import { resetFlr } from './reset-flr.ts'
import { irqKinds } from './irq-kinds.ts'
import { faultInjection } from './fault-injection.ts'
import { faultInjectionCdev } from './fault-injection-cdev.ts'
import { faultInjectionGroup } from './fault-injection-group.ts'
import { faultInjectionDevice } from './fault-injection-device.ts'
import { model } from './model.ts'
import { msixTableSuite } from './msix-table.ts'
import { kernelHealth } from './kernel-health.ts'
import { mdevLifetime } from './mdev-lifetime.ts'
import { mdevOpen } from './mdev-open.ts'
import { mdevSerial } from './mdev-serial.ts'
import { mdevMigration } from './mdev-migration.ts'
import { mdevSavedState } from './mdev-saved-state.ts'
import { mdevPrecopy } from './mdev-precopy.ts'
import { mdevDmaLogging } from './mdev-dma-logging.ts'
import { mdevGfx } from './mdev-gfx.ts'
import { mdevPins } from './mdev-pins.ts'
import { performanceOfMaps } from './performance.ts'
import { mdevCrashes } from './mdev-crashes.ts'
import { modules } from './modules.ts'

/** Every case there is. Importing a suite does nothing but describe its cases. */
export const catalogue: readonly Case[] = catalogueOf([
  ...nodes,
  ...groupOpen,
  ...groupStatus,
  ...groupContainer,
  ...groupDevice,
  ...groupNoiommu,
  ...containerExtensions,
  ...containerSetIommu,
  ...containerType1Info,
  ...containerType1Map,
  ...containerType1Unmap,
  ...containerType1Vaddr,
  ...containerType1Dirty,
  ...containerType1Groups,
  ...containerIommufd,
  ...iommufdObjects,
  ...iommufdStructRules,
  ...vfioStructRules,
  ...ioasMap,
  ...ioasUnmap,
  ...ioasCopy,
  ...ioasIovas,
  ...ioasMapFile,
  ...iommufdOptions,
  ...iommufdCompat,
  ...faultQueue,
  ...pageRequests,
  ...cdevBind,
  ...cdevAttach,
  ...cdevTranslation,
  ...cdevLifetime,
  ...processes,
  ...lockedMemoryLimit,
  ...noRoom,
  ...whileMapping,
  ...notHere,
  ...deviceLocked,
  ...reservedIovas,
  ...ioasPinning,
  ...hwpt,
  ...hwInfo,
  ...viommu,
  ...unsafeInterrupts,
  ...noiommuMode,
  ...noiommuGetPaRefusals,
  ...noiommuGetPa,
  ...noiommuDma,
  ...groupUnbind,
  ...deviceInfo,
  ...regionAccess,
  ...barMmap,
  ...configSpace,
  ...configMsi,
  ...irqInfo,
  ...irqMsi,
  ...msixTableSuite,
  ...irqIntx,
  ...irqRequest,
  ...ioeventfd,
  ...deviceReset,
  ...hotReset,
  ...deviceFeature,
  ...dma,
  ...dmaDevices,
  ...ats,
  ...atsAttach,
  ...atsReset,
  ...deviceReopen,
  ...deviceDebugfs,
  ...sharedGroup,
  ...bypassing,
  ...hotPlug,
  ...deviceIdentity,
  ...deviceDma,
  ...deviceQueue,
  ...deviceIrq,
  ...barRam,
  ...srIov,
  ...dmaRefused,
  ...barLayout,
  ...resetFlr,
  ...irqKinds,
  ...faultInjection,
  ...faultInjectionCdev,
  ...faultInjectionGroup,
  ...faultInjectionDevice,
  ...model,
  ...exhaustion,
  ...mdevLifetime,
  ...mdevOpen,
  ...mdevSerial,
  ...mdevMigration,
  ...mdevSavedState,
  ...mdevPrecopy,
  ...mdevDmaLogging,
  ...mdevGfx,
  ...mdevPins,
  ...performanceOfMaps,
  ...mdevCrashes,
  ...kernelHealth,
  // What they unload the others stand on.
  ...modules,
])
