import { RECIPE, type ToolboxKind } from '../toolbox/recipe.ts'

/**
 * What QEMU is built in: the Debian release of the usual toolbox, without backports, so that what is built here finds its libraries there.
 * It is made only where a QEMU must be built.
 */
export const BUILD_TOOLBOX: ToolboxKind = {
  name: 'QEMU build toolbox',
  holds: `Debian ${RECIPE.suite} with what QEMU is built with`,
  recipe: {
    suite: RECIPE.suite,
    mirror: RECIPE.mirror,
    backports: [],
    packages: [
      // a system that scripts can run in
      'base-files', 'bash', 'coreutils', 'dash', 'debianutils', 'diffutils', 'findutils', 'gawk', 'grep', 'gzip', 'hostname', 'libc-bin', 'sed', 'tar', 'util-linux',
      // unpacking a source package
      'bzip2', 'dpkg-dev', 'patch', 'perl', 'xz-utils',
      // compiling
      'bison', 'flex', 'gcc', 'libc6-dev', 'make', 'meson', 'ninja-build', 'pkgconf', 'python3', 'python3-venv', 'ca-certificates',
      'libfdt-dev', 'libglib2.0-dev', 'libpixman-1-dev', 'libslirp-dev', 'zlib1g-dev',
    ],
    prune: [
      'usr/share/{doc,info,locale,man,lintian,bug,zsh,fish,bash-completion,icons,pixmaps,applications,gir-1.0,vala}',
      'usr/bin/{*-lto-dump*,gp-*,gdbus,gio}',
      'usr/libexec/gcc/*/*/lto1',
      'usr/lib/*/lib{asan,tsan,hwasan,lsan,ubsan,gprofng}*',
      'usr/lib/*/lib{glib,gio,gobject,gmodule,gthread,girepository,pcre2,sepol,selinux,m-,mvec}*.a',
      'usr/lib/*/gconv/*',
      'var/cache/apt/archives/*.deb',
    ],
    links: {
      'usr/bin/awk': 'gawk',
      // configure runs pip, without network; pip wants a file of certificates all the same.
      'etc/ssl/certs/ca-certificates.crt': '../../../usr/share/ca-certificates/mozilla/ISRG_Root_X1.crt',
    },
  },
}

/** The source package, of the release of the toolboxes. */
export const SOURCE = 'qemu'

/**
 * One target with what a guest of the lab needs. The firmware is the usual toolbox's: Debian's source package has none.
 * The prefix is a folder of nobody, or QEMU would look for the firmware beside itself.
 */
export const CONFIGURE: readonly string[] = [
  '--cc=gcc', '--prefix=/opt/vfio-lab', '--firmwarepath=/usr/share/qemu:/usr/share/seabios',
  '--target-list=x86_64-softmmu', '--without-default-features', '--disable-download', '--disable-docs', '--disable-debug-info', '--disable-install-blobs',
  '--enable-tcg', '--enable-kvm', '--enable-slirp', '--enable-fdt=system', '--enable-pixman',
]
