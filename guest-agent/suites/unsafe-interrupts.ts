import { defineCase, suite } from '../case/define-case.ts'
import { equal, expectErrno, ok } from '../case/expect.ts'
import type { CaseContext } from '../case/case-context.ts'
import { IommuFd } from '../iommufd/iommu-fd.ts'
import { UNSAFE_INTERRUPTS_PARAMETER, writeParameters } from '../pci/module-parameters.ts'
import { readText } from '../sys/text-file.ts'
import { openCdev } from '../vfio/bound-cdev.ts'

const COVERS = { ioctls: ['VFIO_DEVICE_BIND_IOMMUFD'], sources: ['drivers/iommu/iommufd/device.c', 'drivers/vfio/device_cdev.c'] }

const setConsent = (lab: CaseContext, value: 'Y' | 'N'): void => {
  const before = readText(UNSAFE_INTERRUPTS_PARAMETER) ?? 'N'
  lab.defer(() => { writeParameters(new Map([[UNSAFE_INTERRUPTS_PARAMETER, before]])) })
  writeParameters(new Map([[UNSAFE_INTERRUPTS_PARAMETER, value]]))
}

const asked = defineCase({
  name: 'consent-needed',
  title: 'behind an IOMMU that does not remap interrupts a device is bound with allow_unsafe_interrupts only; a refusal holds nothing',
  needs: { access: 'cdev', iommu: ['virtio', '!interrupt-remapping'] },
  covers: COVERS,
  provokes: ['MSI interrupts are not secure'],
  run: (lab) => {
    const cdev = openCdev(lab)
    const iommu = lab.use(IommuFd.open())
    setConsent(lab, 'N')
    for (let round = 0; round < 3; round += 1) expectErrno('EPERM', () => cdev.bind(iommu))
    expectErrno('EINVAL', () => cdev.info())
    // The context lost nothing by the refusals: it is still that of its descriptor.
    ok(iommu.ioasAlloc().id !== 0, 'the context that was refused must work')
    iommu.close()
    setConsent(lab, 'Y')
    const other = lab.use(IommuFd.open())
    ok(cdev.bind(other) !== 0, 'an object id is never 0')
    equal(cdev.attach(other.ioasAlloc().id) !== 0, true, 'the device is attached')
  },
})

const remapped = defineCase({
  name: 'consent-not-needed',
  title: 'behind an IOMMU that remaps interrupts a device is bound without allow_unsafe_interrupts',
  needs: { access: 'cdev', iommu: ['interrupt-remapping'] },
  covers: COVERS,
  run: (lab) => {
    setConsent(lab, 'N')
    const cdev = openCdev(lab)
    cdev.bind(lab.use(IommuFd.open()))
    ok(cdev.info().regions > 0, 'the device must answer')
  },
})

export const unsafeInterrupts = suite('unsafe-interrupts', [asked, remapped])
