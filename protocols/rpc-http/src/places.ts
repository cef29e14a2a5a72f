// How many channels of one user run at the same time in this process. Failure: too-many-of-user.

import { Failure, type Place } from "@postern/contracts";

export interface Places {
  take(user: string): Place;
}

export function createPlaces(limit: number): Places {
  const running = new Map<string, number>();
  const release = (user: string): void => {
    const left = (running.get(user) ?? 1) - 1;
    if (left === 0) running.delete(user);
    else running.set(user, left);
  };
  return {
    take(user) {
      const taken = running.get(user) ?? 0;
      if (taken >= limit) throw new Failure("too-many-of-user", `${user} has ${taken} channels of RPC over HTTP`);
      running.set(user, taken + 1);
      return { release: () => release(user) };
    },
  };
}
