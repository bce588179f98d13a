import { expect, test } from 'vitest'
import { RECIPE, recipeHash } from '../../../orchestrator/toolbox/recipe.ts'

test('every change of the recipe is another toolbox', () => {
  const hashes = [
    recipeHash(RECIPE, 'amd64'),
    recipeHash(RECIPE, 'arm64'),
    recipeHash({ ...RECIPE, packages: [...RECIPE.packages, 'sparse'] }, 'amd64'),
    recipeHash({ ...RECIPE, prune: [] }, 'amd64'),
    recipeHash({ ...RECIPE, links: {} }, 'amd64'),
  ]
  expect(new Set(hashes).size).toBe(hashes.length)
})

test('no package is named twice', () => {
  expect(new Set(RECIPE.packages).size).toBe(RECIPE.packages.length)
})
