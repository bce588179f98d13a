import { defineConfig } from 'vitest/config'

/** They build a QEMU, which takes ten minutes by itself, boot dozens of guests or ask olddefconfig dozens of times for one answer. */
const fullTierOnly = process.env['LAB_TEST_FULL'] === '1' ? [] : ['tests/vm/ats-testdev.test.ts', 'tests/cli/qemu-build.test.ts', 'tests/vm/devices.test.ts', 'tests/vm/kconfig-rows.test.ts']

export default defineConfig({
  test: {
    projects: [
      { test: { name: 'unit', include: ['tests/unit/**/*.test.ts'], testTimeout: 20_000 } },
      // The real command line, as a user types it: no guest is booted, but tools may be installed on first use.
      { test: { name: 'cli', include: ['tests/cli/**/*.test.ts'], exclude: fullTierOnly, testTimeout: 300_000, hookTimeout: 900_000 } },
      // Real guests: one at a time, because two cores are two cores.
      { test: { name: 'vm', include: ['tests/vm/**/*.test.ts'], exclude: fullTierOnly, testTimeout: 600_000, hookTimeout: 1_800_000, fileParallelism: false } },
    ],
  },
})
