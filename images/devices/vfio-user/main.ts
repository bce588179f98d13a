import { registerHooks } from 'node:module'
import { resolve } from 'node:path'
import { pathToFileURL } from 'node:url'
import { parseArgs } from 'node:util'
import type { Device } from './device/define-device.ts'
import { serve } from './serve.ts'

/**
 * node main.ts DEVICE --socket PATH [--options JSON]
 * DEVICE is a file whose default export is a device, or makes one of the options. Ends with SIGTERM; with status 2 when DEVICE or its
 * options are not right. What happens is told on standard output, one JSON object a line.
 */
const USER = 2

/** `vfio-lab/device` is this project in every folder, and the file is a module whatever package.json is near. */
const resolveOwnName = (deviceUrl: string) =>
  registerHooks({
    resolve: (specifier, context, next) =>
      specifier === 'vfio-lab/device' ? { url: new URL('./device.ts', import.meta.url).href, shortCircuit: true } : next(specifier, context),
    load: (url, context, next) =>
      next(url, url === deviceUrl && url.endsWith('.ts') ? { ...context, format: 'module-typescript' } : context),
  })

const main = async (): Promise<void> => {
  const { values, positionals: [file] } = parseArgs({ allowPositionals: true, options: { socket: { type: 'string' }, options: { type: 'string' } } })
  if (file === undefined || values.socket === undefined) throw new Error('DEVICE and --socket PATH are needed')
  const listener = serve(await deviceIn(resolve(file), values.options), values.socket, (line) => { process.stdout.write(`${line}\n`) })
  process.once('SIGTERM', () => {
    listener.close()
    process.exit(0)
  })
}

const deviceIn = async (file: string, options: string | undefined): Promise<Device> => {
  const url = pathToFileURL(file).href
  resolveOwnName(url)
  const module: unknown = await import(url)
  const exported: unknown = typeof module === 'object' && module !== null && 'default' in module ? module.default : undefined
  if (options !== undefined && isDevice(exported)) throw new Error(`${file} takes no options: its default export is a device, not a function that makes one`)
  const device = isMaker(exported) ? await exported(options === undefined ? undefined : JSON.parse(options)) : exported
  if (!isDevice(device)) throw new Error(`${file} exports no device as its default: write export default defineDevice({ ids: { vendor, device } })`)
  return device
}

const isMaker = (value: unknown): value is (options: unknown) => unknown => typeof value === 'function'

const isDevice = (value: unknown): value is Device =>
  typeof value === 'object' && value !== null && 'ids' in value && typeof value.ids === 'object' && value.ids !== null

try {
  await main()
} catch (error) {
  process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`)
  process.exitCode = USER
}
