import { openHostTools } from './host-tools.ts'
import { type OpenedTools, openToolbox, type OpenToolsOptions } from './open-toolbox.ts'

/**
 * The programs that the lab works with, ready to be used.
 * Throws lab/NO_NETWORK, KEYRING_TOO_OLD, HOST_PACKAGES, NO_SANDBOX, NO_SPACE, TOOL_FAILED; what the host's own tools lack is in `missing`.
 */
export const openTools = (kind: 'toolbox' | 'host', options: OpenToolsOptions): Promise<OpenedTools> =>
  kind === 'toolbox' ? openToolbox(options) : openHostTools(options.signal)
