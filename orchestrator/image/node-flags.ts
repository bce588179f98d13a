/**
 * How Node runs in the guest; its snapshot and its code cache are made with the same flags, or they are refused.
 * A case is over before compiling pays, and under TCG what is compiled must itself be translated; helper threads only take turns with
 * the one that works. Both files are also refused where V8 sees another processor than the one that they were made on: what
 * differs between hosts and guests is not used. Nobody attacks hash tables in a guest.
 */
export const NODE_FLAGS = [
  '--no-warnings', '--jitless', '--single-threaded', '--v8-pool-size=0', '--no-rehash-snapshot',
  ...['avx', 'avx2', 'avx-vnni', 'avx-vnni-int8', 'fma3', 'f16c', 'bmi1', 'bmi2', 'lzcnt', 'popcnt'].map((feature) => `--no-enable-${feature}`),
] as const
