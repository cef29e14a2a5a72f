// How many requests of one user (or of whoever else is named) run at the same time in this process, held polls with them. Failure: too-many-of-user.

import { Failure, type Place } from "@postern/contracts";

export interface UserPlaces {
  take(user: string): Place;
}

/** `limit` 0: no limit. */
export function createUserPlaces(limit: number): UserPlaces {
  const running = new Map<string, number>();
  const release = (user: string): void => {
    const left = (running.get(user) ?? 1) - 1;
    if (left === 0) running.delete(user);
    else running.set(user, left);
  };
  return {
    take(user) {
      const taken = running.get(user) ?? 0;
      if (limit > 0 && taken >= limit) throw new Failure("too-many-of-user", `${user} has ${taken} requests under way`);
      running.set(user, taken + 1);
      return { release: () => release(user) };
    },
  };
}
