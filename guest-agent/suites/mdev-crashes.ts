import { defineCase, suite } from '../case/define-case.ts'
import { equal } from '../case/expect.ts'
import { outcomeOf } from '../case/outcome-of.ts'
import { migrationState, setMigrationState } from '../mdev/migration.ts'
import { bindMdev, createMdev } from '../mdev/open-mdev.ts'
import { VFIO } from '../uapi/vfio.ts'

const { VFIO_DEVICE_STATE_RESUMING: RESUMING, VFIO_DEVICE_STATE_STOP: STOP, VFIO_DEVICE_STATE_RUNNING: RUNNING } = VFIO

/** What kernels that are out do not survive (orchestrator/plan/known-flaws.ts): each case takes its guest with it. */
export const mdevCrashes = suite('mdev-crashes', [
  defineCase({
    name: 'mtty-closed-in-resuming',
    title: 'a device that was closed while it resumed is stopped when it is opened again, or refuses that, and runs after a reset',
    needs: { config: ['SAMPLE_VFIO_MDEV_MTTY', 'VFIO_DEVICE_CDEV'] },
    covers: { ioctls: ['VFIO_DEVICE_FEATURE', 'VFIO_DEVICE_RESET'], sources: ['drivers/vfio/vfio_main.c'] },
    run: (lab) => {
      const mdev = createMdev(lab, 'mtty', '1')
      const { cdev, iommu } = bindMdev(lab, mdev)
      setMigrationState(cdev, RESUMING)?.close()
      cdev.close()
      const { cdev: again } = bindMdev(lab, mdev, iommu)
      lab.note(`stopping it: ${outcomeOf(() => { setMigrationState(again, STOP)?.close() })}`)
      again.reset()
      equal(migrationState(again), RUNNING, 'state after the reset')
    },
  }),
], { onRequest: true })
