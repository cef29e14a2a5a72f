// How much of one user (or of whoever else is named) runs at the same time in this process. Failure: too-many-of-user.

import { Failure, type Place } from "@postern/contracts";

export interface UserPlaces {
  take(user: string): Place;
}

/** `limit` 0: no limit. `what` runs, for the log: "requests under way". */
export function createUserPlaces(limit: number, what: string): UserPlaces {
  const running = new Map<string, number>();
  const release = (user: string): void => {
    const left = (running.get(user) ?? 1) - 1;
    if (left === 0) running.delete(user);
    else running.set(user, left);
  };
  return {
    take(user) {
      const taken = running.get(user) ?? 0;
      if (limit > 0 && taken >= limit) throw new Failure("too-many-of-user", `${user} has ${taken} ${what}`);
      running.set(user, taken + 1);
      return { release: () => release(user) };
    },
  };
}
