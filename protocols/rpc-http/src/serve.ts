// READ FIRST: the path of a channel, top to bottom.
//
//   method -> target -> legs -> echo? -> places of the user -> first PDU -> the kind of the backend -> end
//
// The web protocol has read the request, checked the login and found the user's legs (protocols/https). Whatever goes wrong before
// an answer is a Failure, which it tells the client; after it, the channel ends. Neither a kind nor a name that a client sends leads
// to an address that is not configured.

import { Failure, toFailure, type Leg } from "@postern/contracts";
import { createUserPlaces, type UserPlaces } from "@postern/core";
import { CHANNEL_METHODS, type Channel } from "@postern/http";
import { HttpClientChannel, type First } from "./client-channel.ts";
import { answerEcho, isEcho } from "./echo.ts";
import { openingOf } from "./opening.ts";
import type { BackendKind, RpcHttpParts } from "./parts.ts";
import type { RpcHttpSettings } from "./settings.ts";
import { legsFor, targetOf } from "./target.ts";

/** What an OUT channel may carry behind its lifetime: what is on its way while it is replaced. */
const TAIL = 128 * 1024;
/** No answer announces more (section 2.1.2.1.2). */
const LONGEST = 2 * 1024 ** 3;

/** What the answer of an OUT channel announces. */
export const answerLength = ({ channelLifetime }: Pick<RpcHttpSettings, "channelLifetime">): number =>
  Math.min(channelLifetime + TAIL, LONGEST);

/** `kinds`: by the scheme of a leg. */
export function createServe(
  parts: RpcHttpParts,
  kinds: ReadonlyMap<string, BackendKind>,
): (channel: Channel, legs: readonly Leg[]) => Promise<void> {
  const places = createUserPlaces(2 * parts.settings.connectionsPerUser, "channels of RPC over HTTP");
  return (channel, legs) => serve(channel, legs, parts, kinds, places);
}

async function serve(
  channel: Channel,
  legs: readonly Leg[],
  parts: RpcHttpParts,
  kinds: ReadonlyMap<string, BackendKind>,
  places: UserPlaces,
): Promise<void> {
  const direction = CHANNEL_METHODS.get(channel.method);
  if (direction === undefined) throw new Failure("unknown-command", "RPC: neither RPC_IN_DATA nor RPC_OUT_DATA");
  const chosen = legsFor(targetOf(channel.target), legs, parts);
  const { body } = channel;
  if (body === undefined || isEcho(channel)) return answerEcho(channel);
  const kind = kinds.get(chosen[0]?.scheme ?? "");
  if (kind === undefined) throw new Failure("no-candidate", "None of the user's backends is an RPC server");
  const place = places.take(channel.identity.user);
  try {
    const client = new HttpClientChannel(channel, body, direction, answerLength(parts.settings));
    open(client, kind, chosen, parts).then(
      () => client.leave(),
      (error: unknown) => client.leave(toFailure(error)),
    );
    await client.finished;
  } finally {
    place.release();
  }
}

/** Not awaited, so that the first PDU and what was read with it are not kept for as long as the channel lasts. */
function open(client: HttpClientChannel, kind: BackendKind, legs: readonly Leg[], parts: RpcHttpParts): Promise<void> {
  return firstOf(client, parts).then(({ rts, bytes }) => kind.take(client, openingOf(client.direction, rts), bytes, legs));
}

/** Failure: what ends the channel before its first PDU; idle, when none comes. */
export async function firstOf(client: HttpClientChannel, { clock, settings }: RpcHttpParts): Promise<First> {
  const timer = clock.after(settings.openTimeout, () =>
    client.leave(new Failure("idle", `RPC: no PDU came within ${settings.openTimeout} ms`)),
  );
  try {
    return await client.first();
  } finally {
    timer.cancel();
  }
}
