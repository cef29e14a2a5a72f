// Rendezvous hashing (highest random weight, Thaler and Ravishankar 1998): every node computes the same order of backends
// for a user, with no table and no talk. Adding or removing a backend moves only the users that it gains or loses.
// The hash is FNV-1a (32 bits) over backend, NUL, user in UTF-8, with the finaliser of MurmurHash3. It is part of the
// outer contract: changing it moves users. It is not a secret. Throws Error at build time.

import type { RouteAnswer, RouteSource } from "@postern/contracts";

const FNV_OFFSET = 0x811c9dc5;
const FNV_PRIME = 0x01000193;

function fnv1a(state: number, bytes: Uint8Array): number {
  let hash = state;
  for (const byte of bytes) hash = Math.imul(hash ^ byte, FNV_PRIME);
  return hash >>> 0;
}

/** MurmurHash3's 32-bit finaliser: every input bit reaches every output bit. */
function finalise(state: number): number {
  let hash = state;
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return (hash ^ (hash >>> 16)) >>> 0;
}

const startOf = (backend: string): number => fnv1a(FNV_OFFSET, Buffer.from(`${backend}\0`, "utf8"));

/** The 32-bit hash of a user at a backend, as every node computes it. */
export function rendezvousHash(backend: string, user: string): number {
  return finalise(fnv1a(startOf(backend), Buffer.from(user, "utf8")));
}

interface Ranked {
  readonly backend: string;
  readonly hash: number;
  readonly score: number;
}

// Weighted rendezvous: -weight / ln(h) with h in (0, 1) gives each backend its share. Weight 0 scores 0: last, if at all.
const score = (hash: number, weight: number): number => -weight / Math.log((hash + 0.5) / 2 ** 32);

function compare(a: Ranked, b: Ranked): number {
  if (a.score !== b.score) return b.score - a.score;
  if (a.hash !== b.hash) return b.hash - a.hash;
  return a.backend < b.backend ? -1 : 1;
}

/**
 * A source that knows every user. The answer lists all backends in the user's own order, so that the second choice of a
 * user is stable too. A weight of 0 leaves a backend as the last resort; 1 is the default.
 */
export function hashSource(backends: readonly string[], weights: Readonly<Record<string, number>> = {}): RouteSource {
  if (backends.length === 0) throw new Error("backends: name at least one");
  if (new Set(backends).size !== backends.length) throw new Error("backends: each may be there only once");
  for (const name of Object.keys(weights)) {
    if (!backends.includes(name)) throw new Error(`weights: "${name}" is not among the backends of this source`);
  }
  const weightOf = new Map(Object.entries(weights));
  const members = backends.map((backend) => ({ backend, start: startOf(backend), weight: weightOf.get(backend) ?? 1 }));
  const why = `rendezvous hash over ${backends.join(", ")}`;

  const find = (user: string): RouteAnswer => {
    const bytes = Buffer.from(user, "utf8");
    const ranked = members.map(({ backend, start, weight }) => {
      const hash = finalise(fnv1a(start, bytes));
      return { backend, hash, score: score(hash, weight) };
    });
    return { candidates: ranked.toSorted(compare).map(({ backend }) => ({ backend })), why };
  };
  return { name: "hash", cacheable: true, find: (query) => Promise.resolve(find(query.user)), close() {} };
}
