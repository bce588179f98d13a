import { execFile } from 'node:child_process'
import { join } from 'node:path'
import { promisify } from 'node:util'
import type { CaseContext } from '../case/case-context.ts'
import type { Case } from '../case/define-case.ts'
import { Failed } from '../case/expect.ts'
import { SRIOV_PARAMETER, writeParameters } from '../pci/module-parameters.ts'
import { VFIO_PCI } from '../pci/pci-device.ts'
import { PROGRAMS, type ProgramRun } from '../protocol.ts'
import { mountDebugfs } from '../sys/debugfs.ts'
import { reserveHugePages } from '../sys/huge-pages.ts'
import { readText } from '../sys/text-file.ts'
import { runProgram } from './run-program.ts'

/** A program as a case: it fails only for what keeps the program from running; what the program said is not judged here. */
export const programCase = (run: ProgramRun): Case => {
  const suite = run.id.slice(0, run.id.indexOf('/'))
  return {
    info: { id: run.id, suite, title: run.argv.join(' '), needs: {}, covers: { ioctls: [], sources: [] }, timeoutMs: run.timeoutMs, provokes: [] },
    run: async (lab) => {
      const bdf = makeSurroundings(run, lab)
      const filled = (word: string): string => word.replaceAll('{bdf}', bdf ?? '')
      const [file = '', ...args] = run.argv.map(filled)
      lab.programEnd = await runProgram({
        file: join(PROGRAMS, suite, file),
        args,
        cwd: join(PROGRAMS, suite),
        env: {
          PATH: '/bin:/disk/bin', HOME: '/root', TMPDIR: '/tmp',
          ...Object.fromEntries(Object.entries(run.environment).map(([name, value]) => [name, filled(value)])),
        },
        signal: lab.signal,
        onLine: lab.output,
      })
    },
  }
}

/** Everything is given back when the case ends. Returns the address of its device. */
const makeSurroundings = ({ device, hugePages, sriov }: ProgramRun, lab: CaseContext): string | undefined => {
  if (hugePages > 0) lab.defer(reserveHugePages(hugePages))
  const before = readText(SRIOV_PARAMETER)
  if (sriov && before !== undefined) {
    lab.defer(() => { writeParameters(new Map([[SRIOV_PARAMETER, before]])) })
    writeParameters(new Map([[SRIOV_PARAMETER, 'Y']]))
  }
  if (device === undefined) return undefined
  const pci = lab.device(device)
  if (pci.driver !== VFIO_PCI) throw new Failed(`${pci.toString()} is bound to ${pci.driver ?? 'no driver'}, not to ${VFIO_PCI}`)
  return pci.bdf
}

/**
 * Once, before the first program: debugfs, where the kernel has it. The first process that Node starts opens descriptors for good, and here no case is
 * blamed for them.
 */
export const prepareForPrograms = async (): Promise<void> => {
  mountDebugfs()
  await promisify(execFile)('/bin/busybox', ['true'])
}
