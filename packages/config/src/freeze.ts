// Makes values that nobody can change afterwards, maps included.

/** Freezes plain objects and lists, and what is in them; other objects (bytes, maps, secrets) are taken as they are. */
export function deepFreeze<T>(value: T): T {
  if (!isPlain(value) || Object.isFrozen(value)) return value;
  Object.freeze(value);
  for (const inner of Object.values(value)) deepFreeze(inner);
  return value;
}

function isPlain(value: unknown): value is object {
  if (typeof value !== "object" || value === null) return false;
  const prototype: unknown = Object.getPrototypeOf(value);
  return Array.isArray(value) || prototype === Object.prototype || prototype === null;
}

/** A map whose values are deeply frozen, and that throws TypeError when something tries to change it. */
export function frozenMap<K, V>(entries: readonly (readonly [K, V])[]): ReadonlyMap<K, V> {
  const map = new Map(entries);
  for (const value of map.values()) deepFreeze(value);
  for (const name of ["set", "delete", "clear"] as const) {
    Object.defineProperty(map, name, {
      value: () => {
        throw new TypeError("The configuration cannot be changed");
      },
    });
  }
  return Object.freeze(map);
}
