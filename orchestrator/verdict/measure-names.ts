/** `copyMs`, `map4KiBUs`: how long something took. */
export const isTime = (measure: string): boolean => /(?:Ms|Us|Ns)$/.test(measure)

/** A time, or a figure that is made of times (`mapMostNsPerPage`, `mapGrowthRatio`): it is another one each time. */
export const isNoisy = (measure: string): boolean => /(?:(?:Ms|Us|Ns)(?:Per[A-Z]\w*)?|Ratio)$/.test(measure)
