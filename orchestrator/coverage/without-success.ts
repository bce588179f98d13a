/** Ioctls that cannot succeed in a guest of the lab, and why. */
export const WITHOUT_SUCCESS: Readonly<Record<string, string>> = {}
