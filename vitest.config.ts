import { defineConfig } from 'vitest/config'

export default defineConfig({
  test: {
    projects: [
      { test: { name: 'unit', include: ['tests/unit/**/*.test.ts'], testTimeout: 20_000 } },
      // The real command line, as a user types it: no guest is booted, but tools may be installed on first use.
      { test: { name: 'cli', include: ['tests/cli/**/*.test.ts'], testTimeout: 300_000, hookTimeout: 900_000 } },
      // Real guests: one at a time, because two cores are two cores.
      { test: { name: 'vm', include: ['tests/vm/**/*.test.ts'], testTimeout: 600_000, hookTimeout: 1_800_000, fileParallelism: false } },
    ],
  },
})
