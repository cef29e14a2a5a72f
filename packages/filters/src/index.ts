// Edge defences.

export const FILTER_NAMES: readonly string[] = [];
