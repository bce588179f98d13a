import { expect, test } from 'vitest'
import { BUILD_TOOLBOX } from '../../../orchestrator/qemu/build-recipe.ts'
import { RECIPE, recipeHash } from '../../../orchestrator/toolbox/recipe.ts'

test('every change of the recipe is another toolbox', () => {
  const hashes = [
    recipeHash(RECIPE, 'amd64'),
    recipeHash(RECIPE, 'arm64'),
    recipeHash({ ...RECIPE, packages: [...RECIPE.packages, 'sparse'] }, 'amd64'),
    recipeHash({ ...RECIPE, prune: [] }, 'amd64'),
    recipeHash({ ...RECIPE, links: {} }, 'amd64'),
    recipeHash(BUILD_TOOLBOX.recipe, 'amd64'),
  ]
  expect(new Set(hashes).size).toBe(hashes.length)
})

test('no package is named twice', () => {
  for (const { packages } of [RECIPE, BUILD_TOOLBOX.recipe]) expect(new Set(packages).size).toBe(packages.length)
})

test('what is built for the toolbox is built in its own Debian release', () => {
  expect(BUILD_TOOLBOX.recipe.suite).toBe(RECIPE.suite)
})
