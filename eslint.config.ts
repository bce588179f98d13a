import eslint from '@eslint/js'
import { defineConfig } from 'eslint/config'
import tseslint from 'typescript-eslint'

const restrictImports = (patterns: readonly { regex: string; message: string }[]) => ({
  'no-restricted-imports': ['error', { patterns }] satisfies ['error', unknown],
})

/**
 * The floors of orchestrator/, from the top. An import goes down, never up, and never sideways between the folders of one floor.
 */
const floors: readonly (readonly string[])[] = [
  ['cli'],
  ['report'],
  ['bisect'],
  ['run'],
  ['coverage'],
  ['verdict'],
  ['plan'],
  ['qemu'],
  ['config', 'kernel', 'vm', 'image'],
  ['machine', 'toolbox'],
  ['host'],
]

const floorRules = floors.flatMap((floor, level) =>
  floor.map((folder) => {
    const forbidden = [...floors.slice(0, level).flat(), ...floor.filter((sibling) => sibling !== folder)]
    return {
      files: [`orchestrator/${folder}/**/*.ts`],
      rules: restrictImports([
        {
          regex: 'guest-agent/(?!protocol\\.ts$)',
          message: 'protocol.ts is the only file that the orchestrator imports from guest-agent/.',
        },
        {
          regex: 'images/(?!devices/vfio-user-dma/options\\.ts$)',
          message: 'options.ts of vfio-user-dma is the only file that the orchestrator imports from images/.',
        },
        ...(forbidden.length === 0 ? [] : [{
          regex: `^(\\.\\./)+(${forbidden.join('|')})/`,
          message: `orchestrator/${folder} may import only from the floors below it (eslint.config.ts).`,
        }]),
      ]),
    }
  }),
)

export default defineConfig(
  { ignores: ['node_modules/', '.lab/'] },
  eslint.configs.recommended,
  tseslint.configs.strictTypeChecked,
  {
    languageOptions: { parserOptions: { projectService: true, tsconfigRootDir: import.meta.dirname } },
    rules: {
      '@typescript-eslint/restrict-template-expressions': ['error', { allowNumber: true }],
      '@typescript-eslint/consistent-type-imports': 'error',
      '@typescript-eslint/switch-exhaustiveness-check': 'error',
      '@typescript-eslint/prefer-readonly': 'error',
      // `await using held = await lock(...)` is used by being disposed.
      '@typescript-eslint/no-unused-vars': ['error', { ignoreUsingDeclarations: true }],
      'no-restricted-exports': ['error', { restrictDefaultExports: { defaultFrom: true } }],
    },
  },
  {
    files: ['guest-agent/**/*.ts'],
    rules: restrictImports([{ regex: 'orchestrator/', message: 'The agent runs in the guest: it knows nothing of the orchestrator.' }]),
  },
  ...floorRules,
)
