// Maps that strangers fill must have an end. Never throws.

/** Puts it into the map, as its newest; one above the bound, the oldest goes. */
export function remember<T>(map: Map<string, T>, key: string, value: T, bound: number): void {
  map.delete(key);
  map.set(key, value);
  if (map.size <= bound) return;
  const [oldest] = map.keys();
  if (oldest !== undefined) map.delete(oldest);
}
