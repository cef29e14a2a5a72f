// What is known of a domain: by its name, or by *.parent for all that is below the parent, however deep; the longest parent
// wins. A look-up costs one step a label. Never throws.

import { asciiDomain } from "./mailbox.ts";

export interface DomainTable<T> {
  /** `domain` in the spelling of the DNS. */
  get(domain: string): T | undefined;
}

/** Keys are domains in any spelling, or *.parent. */
export function domainTable<T>(entries: Iterable<readonly [domain: string, value: T]>): DomainTable<T> {
  const names = new Map<string, T>();
  const parents = new Map<string, T>();
  for (const [key, value] of entries) {
    const isParent = key.startsWith("*.");
    const domain = asciiDomain(isParent ? key.slice(2) : key);
    if (domain !== undefined) (isParent ? parents : names).set(domain, value);
  }
  return {
    get(domain) {
      const value = names.get(domain);
      if (value !== undefined || parents.size === 0) return value;
      for (let dot = domain.indexOf("."); dot !== -1; dot = domain.indexOf(".", dot + 1)) {
        const below = parents.get(domain.slice(dot + 1));
        if (below !== undefined) return below;
      }
      return undefined;
    },
  };
}
