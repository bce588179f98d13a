import { appendFile, copyFile, readFile } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import { ATS_TESTDEV } from '../machine/ats-testdev.ts'

const MODEL = join(import.meta.dirname, '..', '..', 'images', 'devices', ATS_TESTDEV, `${ATS_TESTDEV}.c`)

/** What tells QEMU's build of it, appended to these files of hw/misc/. */
const ADDITIONS: Readonly<Record<string, string>> = {
  Kconfig: '\nconfig PCIE_ATS_TESTDEV\n    bool\n    default y if TEST_DEVICES\n    depends on PCI_EXPRESS\n',
  'meson.build': `\nsystem_ss.add(when: 'CONFIG_PCIE_ATS_TESTDEV', if_true: files('${basename(MODEL)}'))\n`,
}

/** All that the model brings into a tree: whatever changes here makes another QEMU. */
export const modelContent = async (): Promise<string> => JSON.stringify([await readFile(MODEL, 'utf8'), ADDITIONS])

/** Where the model is in a source of QEMU. */
export const modelIn = (tree: string): string => join(tree, 'hw', 'misc', basename(MODEL))

/** Adds the model to an unpacked source of QEMU. */
export const addModel = async (tree: string): Promise<void> => {
  await copyFile(MODEL, modelIn(tree))
  for (const [file, text] of Object.entries(ADDITIONS)) await appendFile(join(dirname(modelIn(tree)), file), text)
}
