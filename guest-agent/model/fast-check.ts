/** Of fast-check what the search needs: the rest of it stays out of the agent. */
export { array, boolean, check, constant, integer, nat, noBias, oneof, property, tuple } from 'fast-check'
