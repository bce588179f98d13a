import { chmod, mkdir, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { temporaryDir } from '../lab-process.ts'

/**
 * A tree with the face of a kernel tree and nothing in it: tinyconfig, olddefconfig and bzImage beside the sources, records of what was
 * compiled as Kbuild keeps them. Real make and real gcc, a second instead of ten minutes.
 */
export const miniKernel = async (sources: Readonly<Record<string, string>> = { 'one.c': 'int one;\n', 'two.c': 'int two;\n' }) => {
  const dir = await temporaryDir()
  const write = async (path: string, text: string) => {
    await mkdir(dirname(join(dir.path, path)), { recursive: true })
    await writeFile(join(dir.path, path), text)
  }
  await write('Makefile', MAKEFILE)
  await write('Kconfig', KCONFIG)
  await write('arch/x86/Kconfig', '')
  await write('drivers/vfio/Kconfig', '')
  await write('include/uapi/linux/vfio.h', '#define VFIO_GET_API_VERSION 1\n')
  await write('include/uapi/linux/iommufd.h', 'enum { IOMMUFD_CMD_BASE = 0x80 };\n')
  await write('scripts/olddefconfig', OLDDEFCONFIG)
  await chmod(join(dir.path, 'scripts/olddefconfig'), 0o755)
  for (const [path, text] of Object.entries(sources)) await write(path, text)
  return { dir: dir.path, write, [Symbol.asyncDispose]: () => dir[Symbol.asyncDispose]() }
}

const KCONFIG = `config A
	bool "a"

config B
	bool "b"
	depends on A && ABSENT
`

/** B's dependency is never met; the rest comes out as asked. */
const OLDDEFCONFIG = `#!/bin/sh
sed -i '/^CONFIG_B=/d' "$1/.config"
`

const MAKEFILE = `VERSION = 7
PATCHLEVEL = 3
SUBLEVEL = 0
EXTRAVERSION = -mini
SOURCES := $(wildcard *.c)
OBJECTS := $(SOURCES:%.c=$(O)/%.o)

tinyconfig:
	@mkdir -p $(O)
	@echo '# tiny' > $(O)/.config

olddefconfig:
	@scripts/olddefconfig $(O)

$(O)/%.o: %.c
	@echo '  CC      $*.o'
	@gcc $(KCFLAGS) -c -o $@ $<
	@echo 'savedcmd_$@ := gcc' > $(O)/.$*.o.cmd

bzImage: $(OBJECTS)
	@mkdir -p $(O)/include/config $(O)/arch/x86/boot
	@echo 7.3.0-mini > $(O)/include/config/kernel.release
	@cat $(OBJECTS) > $(O)/vmlinux
	@echo map > $(O)/System.map
	@cat $(O)/.config $(O)/vmlinux > $(O)/arch/x86/boot/bzImage

.PHONY: tinyconfig olddefconfig bzImage
`
