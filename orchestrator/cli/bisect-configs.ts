import { smallestConfig } from '../bisect/smallest-config.ts'
import { openKernelConfigs } from '../kernel/kernel-configs.ts'
import { smallestConfigLines } from '../report/answer-lines.ts'
import { nearPath } from '../report/near-path.ts'
import { type BisectSession, configNamed } from './bisect-session.ts'
import { notice } from './notice.ts'

/** Finds the smallest set of symbols between the two configs of --config that turns the verdict. */
export const bisectConfigs = async (session: BisectSession): Promise<0> => {
  const { flags: { config: names = [] }, config, kernel, openTools, openSearch, signal, print, paint, commandFor } = session
  const [goodName = '', badName = ''] = names
  const [good, bad] = [configNamed(goodName, config), configNamed(badName, config)]
  await using tools = await openTools()
  const configs = await openKernelConfigs(kernel, {
    tools, signal, notice, baseConfig: config.baseConfig, limits: config.limits,
    onProgress: () => undefined,
  })
  await using search = await openSearch([kernel, goodName, badName], [good, bad])
  const found = await smallestConfig({ config, kernel, good, bad }, configs, search)
  const command = commandFor(found.places[0], ['--fragment', nearPath(found.fragment, process.cwd())])
  print(smallestConfigLines(found, command, paint))
  return 0
}
