import { defineCase, suite } from '../case/define-case.ts'
import { isPlain } from '../case/kinds.ts'
import { DEVICE_KINDS } from '../protocol.ts'
import { openAnyDevice } from '../vfio/open-device.ts'
import { showsConfigSpace, sizesBars } from '../vfio/shown-config.ts'
import { tellsInterrupts } from '../vfio/told-interrupts.ts'
import { tellsRegions } from '../vfio/told-regions.ts'

/** What config-space/identity, config-space/bar-sizing, device-info/regions and irq-info/counts ask of the plain devices. */
export const deviceIdentity = suite('device-identity', DEVICE_KINDS.filter((kind) => !isPlain(kind)).map((kind) => defineCase({
  name: kind,
  title: `${kind} shows the config space, the BARs and their sizes, the regions and the interrupts that it has, and none that it has not`,
  needs: { access: 'any', deviceKind: kind },
  covers: {
    ioctls: ['VFIO_DEVICE_GET_REGION_INFO', 'VFIO_DEVICE_GET_IRQ_INFO', 'VFIO_DEVICE_SET_IRQS'],
    sources: ['drivers/vfio/pci/vfio_pci_core.c', 'drivers/vfio/pci/vfio_pci_config.c', 'drivers/vfio/pci/vfio_pci_intrs.c'],
  },
  run: (lab) => lab.forEachDevice((pci, inner) => {
    const open = openAnyDevice(inner, pci)
    showsConfigSpace(open)
    sizesBars(open)
    tellsRegions(open)
    tellsInterrupts(inner, open)
  }, [lab.device(kind), ...lab.devices(kind).slice(1)]),
})))
