// Requests that are channels: RPC over HTTP sends and is sent for hours in one request each way ([MS-RPCH] section 2.1.2.1).
// Where the user's backend is an RPC server and no RPC proxy, the channel is handed to the protocol that plays the proxy, with
// the login checked here, for such a backend asks for none. Failure: what that protocol says; not-authorized.

import { Failure, type Leg, type Lending } from "@postern/contracts";
import { CHANNEL_METHODS, type Channel, type ChannelAnswer, type Fields } from "@postern/http";
import type { Answer, Exchange, HttpRequest } from "./exchange.ts";
import type { RequestFacts } from "./access-log.ts";
import type { House } from "./house.ts";
import type { Admission, Service } from "./parts.ts";

/** Its body and its answer end when they end, whatever length was announced. */
export const isChannel = ({ method }: Pick<HttpRequest, "method">, { isForChannels }: Pick<Service, "isForChannels">): boolean =>
  isForChannels && CHANNEL_METHODS.has(method);

/** The RPC servers among the legs of a channel; none where the backend is an RPC proxy, which is asked as any web server is. */
export function channelLegs({ request }: Exchange, service: Service, legs: readonly Leg[]): readonly Leg[] {
  return isChannel(request, service) ? legs.filter(({ protocol }) => protocol === "rpc-http") : [];
}

/** Until the channel is over. */
export async function serveChannel(
  { request, answer, client }: Exchange,
  { identity, answerFields }: Admission,
  legs: readonly Leg[],
  facts: RequestFacts,
  { channels }: Pick<House, "channels">,
): Promise<void> {
  if (client.isShared) return answer.requireHttp11();
  if (identity?.proven !== true)
    throw new Failure("not-authorized", "An RPC server cannot check the login: let the gateway do it (https.services.rpc)");
  const { id, method, target, body } = request;
  const channel: Channel = {
    id,
    method,
    target,
    session: client.session,
    identity,
    body,
    answer: answerFields.length === 0 ? answer : new LastWord(answer, answerFields),
  };
  try {
    await channels?.serve(channel, legs);
  } finally {
    facts.backend = client.session.backend;
  }
}

/** An answer whose head also carries the last word of the login. */
class LastWord implements ChannelAnswer {
  readonly #answer: Answer;
  readonly #fields: Fields;

  constructor(answer: Answer, fields: Fields) {
    this.#answer = answer;
    this.#fields = fields;
  }

  get status(): number | undefined {
    return this.#answer.status;
  }
  get bytes(): number {
    return this.#answer.bytes;
  }
  get isOver(): boolean {
    return this.#answer.isOver;
  }
  get onDrain(): (() => void) | undefined {
    return this.#answer.onDrain;
  }
  set onDrain(listener: (() => void) | undefined) {
    this.#answer.onDrain = listener;
  }
  get onGone(): (() => void) | undefined {
    return this.#answer.onGone;
  }
  set onGone(listener: (() => void) | undefined) {
    this.#answer.onGone = listener;
  }

  begin(head: Parameters<ChannelAnswer["begin"]>[0], length: number): void {
    this.#answer.begin({ ...head, fields: [...head.fields, ...this.#fields] }, length);
  }
  write(chunk: Buffer, lent?: Lending): boolean {
    return this.#answer.write(chunk, lent);
  }
  end(): void {
    this.#answer.end();
  }
  leave(): void {
    this.#answer.leave();
  }
  cut(): void {
    this.#answer.cut();
  }
}
