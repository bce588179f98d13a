import { LabError, labFault } from '../host/errors.ts'

const UNREACHABLE = /Could not resolve|Temporary failure resolving|Could not connect|Unable to connect|Connection (?:timed out|refused|failed)|Network is unreachable|No route to host|Could not handshake|Failed to connect/i

/** Makes NO_NETWORK of a tool's failure when its output says that the archive could not be reached. */
export const namingNoNetwork = (error: unknown, what: string, host: string): unknown =>
  error instanceof LabError && (error.code === 'TOOL_FAILED' || error.code === 'TOOL_TIMEOUT') && error.tail.some((line) => UNREACHABLE.test(line))
    ? labFault('NO_NETWORK', `${what}: ${host} cannot be reached from this host`, {
      hint: 'the lab needs the network once; behind a proxy set http_proxy',
      tail: error.tail.filter((line) => UNREACHABLE.test(line)).slice(-2),
      ...(error.durationMs === undefined ? {} : { durationMs: error.durationMs }),
      cause: error,
    })
    : error
