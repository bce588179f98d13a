/**
 * How Node runs in the guest; its snapshot and its code cache are made with the same flags, or they are refused.
 * A case is over before an optimising compiler pays, which under TCG must itself be translated first.
 */
export const NODE_FLAGS = ['--no-warnings', '--no-opt', '--no-maglev'] as const
