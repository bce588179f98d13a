import { catalogueOf, type Case } from '../case/define-case.ts'
import { nodes } from './nodes.ts'

/** Every case there is. Importing a suite does nothing but describe its cases. */
export const catalogue: readonly Case[] = catalogueOf([
  ...nodes,
])
