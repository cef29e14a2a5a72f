// READ FIRST: the path of a connection, top to bottom.
//
//   accept -> PROXY header -> TLS -> converse -> authenticate -> route -> dial -> log in at the backend -> limits
//          -> relay -> end
//
// A hosted protocol (host.ts) goes another way behind TLS: it answers its clients itself, and asks for backends by what they want.
//
// The stage is set before each step, so that every log line and time-out can say where it happened. `serve` never
// throws: every outcome is told to the client in its protocol's words, and once to the observer.

import type { Socket } from "node:net";
import {
  Failure,
  isLoopback,
  legText,
  sleep,
  toFailure,
  wipe,
  type AdmittedCredentials,
  type Attempt,
  type BackendCredentials,
  type Credentials,
  type Leg,
  type Welcome,
} from "@postern/contracts";
import { CLIENT_ROLE, Connection, dial, readProxyHeader, Relay, type RelayEnd } from "@postern/net";
import { countError } from "./command-loop.ts";
import { presentedAt, refusedAt, type Checked } from "./credentials.ts";
import type { House, ListenerHouse } from "./house.ts";
import { host } from "./host.ts";
import { secureWith } from "./secure.ts";
import { openSession } from "./session.ts";
import { holdBack, slowDown } from "./slow-down.ts";
import { close, dropBackend, isHosted, keep, openVisit, register, type LineVisit, type Visit } from "./visit.ts";

/** Takes an accepted, paused socket through its whole life. */
export async function serve(socket: Socket, listener: ListenerHouse, house: House): Promise<void> {
  const session = openSession(socket, listener.info, house.clock.now());
  const visit = openVisit(session, listener, house);
  house.observer.opened(session);
  let end: RelayEnd = { ending: "refused", reason: undefined };
  let failure: Failure | undefined;
  try {
    register(visit, socket);
    session.stage = "proxy-header";
    if (listener.sendsProxyHeader(session.peer.host)) await takeProxyHeader(socket, visit);
    const place = house.limits.connection(session.client.host).then((taken) => keep(taken, visit));
    place.catch(() => {});
    session.stage = "tls";
    end = await (isHosted(visit) ? host(socket, visit, place) : join(socket, visit, place));
  } catch (error) {
    failure = toFailure(error);
    end = { ending: visit.ending ?? (failure.kind === "client-gone" ? "client-closed" : "refused"), reason: failure.message };
    if (!isHosted(visit) && visit.client !== undefined && visit.answered !== failure)
      visit.listener.protocol.refuse(visit.client, failure, undefined);
  } finally {
    close(visit, socket);
    if (failure === undefined) session.stage = "end";
    house.observer.ended(session, end.ending, failure, end.reason);
  }
}

async function takeProxyHeader(socket: Socket, { session, house }: Visit): Promise<void> {
  const info = await readProxyHeader(socket, house.clock, house.login.timeoutMs);
  if (info.source !== undefined) session.client = info.source;
  if (info.destination !== undefined) session.local = info.destination;
}

/** A client that logs in, and is joined to its own backend. */
async function join(socket: Socket, visit: LineVisit, place: Promise<unknown>): Promise<RelayEnd> {
  const { session } = visit;
  visit.client = await meet(socket, visit);
  session.stage = "limits";
  await place;
  const credentials = await logIn(visit.client, visit);
  if (credentials === undefined) return { ending: "logout", reason: undefined };
  session.stage = "relay";
  return relay(visit, credentials.kind === "admitted" ? credentials.opening : "");
}

/** Milliseconds until the login must be done. They count from accept: header, handshake and dialogue share them. */
const timeLeft = ({ house, session }: Visit): number =>
  Math.max(1, session.startedAt + house.login.timeoutMs - house.clock.now());

/** TLS, where the listener begins with it, and the connection from which the dialogue is read. */
async function meet(socket: Socket, visit: LineVisit): Promise<Connection> {
  const { house, listener, trace } = visit;
  const tls = listener.tls();
  const secure = secureWith(tls, visit);
  const slow = house.clock.after(timeLeft(visit), () => socket.destroy());
  try {
    const implicit = listener.info.tls === "implicit";
    const ready = implicit ? await secure(socket) : socket;
    const upgrade = implicit || tls === undefined ? undefined : secure;
    const client = new Connection(ready, CLIENT_ROLE, house.login.limits, { secure: implicit, upgrade });
    if (trace !== undefined) client.traceLine = (direction, text) => trace.line(direction, text);
    client.deadline(house.clock, timeLeft(visit), "login-timeout", `No login within ${house.login.timeoutMs} ms`);
    return client;
  } finally {
    slow.cancel();
  }
}

/**
 * Converses until a login succeeds, and returns its credentials, wiped; undefined when the client says goodbye. A failed
 * login is answered here, and may be tried again.
 */
async function logIn(client: Connection, visit: LineVisit): Promise<Credentials | undefined> {
  const { house, listener, session } = visit;
  const context = { ...listener.context, holdBack: (claimed: string) => holdBack(claimed, 0, house, session) };
  for (;;) {
    session.stage = "converse";
    const attempt = await listener.protocol.converse(client, session, context);
    if (attempt === undefined) return undefined;
    const startedAt = house.clock.now() - (attempt.heldMs ?? 0);
    try {
      listener.protocol.accept(client, attempt, await tryLogin(attempt, visit));
      house.observer.loggedIn(session, undefined);
      if (attempt.credentials.kind === "admitted") tellAdmitted(attempt.credentials, visit);
      return attempt.credentials;
    } catch (error) {
      const failure = toFailure(error);
      dropBackend(visit);
      await sleep(house.clock, slowDown(failure, attempt, house, session) - (house.clock.now() - startedAt));
      if (failure.challenge !== undefined) await attempt.lastChallenge?.(failure.challenge);
      house.logger.info("login failed", {
        session: session.id,
        user: session.identity?.user ?? (house.claimedUser(attempt.credentials) || undefined),
        client: session.client.host,
        kind: failure.kind,
        reason: failure.message,
      });
      house.observer.loggedIn(session, failure);
      listener.protocol.refuse(client, failure, attempt);
      visit.answered = failure;
      if (!failure.row.mayContinue) throw failure;
      countError(failure, session, listener.context);
    } finally {
      wipe(attempt.credentials);
    }
  }
}

function tellAdmitted({ authcid, why }: AdmittedCredentials, { house, session }: LineVisit): void {
  const { id, backend, client } = session;
  house.logger.info("application let in", { session: id, application: authcid, why, client: client.host, backend });
}

/** One attempt: authenticate, route, dial, log in at the backend, limits. */
async function tryLogin(attempt: Attempt, visit: LineVisit): Promise<Welcome> {
  const { house, listener, session } = visit;
  const { credentials } = attempt;
  session.attempts++;
  session.mechanism = credentials.mechanism;
  session.identity = undefined;
  session.stage = "authenticate";
  // Who proves nothing guesses nothing: the guard neither holds an application back nor forgets for its sake.
  const proves = credentials.kind !== "admitted";
  if (proves) await holdBack(credentials.authcid, attempt.heldMs ?? 0, house, session);
  session.identity = await house.authenticator.check(credentials, session);
  visit.trace?.know(session.identity.user);
  session.stage = "route";
  const route = await house.router.find({ user: session.identity.user, protocol: listener.protocol.name, credentials, session });
  const checked = { credentials, identity: session.identity, login: route.login };
  const welcome = await firstWelcome(house.health.order(route.legs), checked, visit).finally(() => route.login?.secret?.wipe());
  if (proves) house.guard.succeeded(session.client.host, house.claimedUser(credentials));
  session.stage = "limits";
  visit.places.push(await house.limits.user(session.identity.user));
  return welcome;
}

/** Tries the candidates in order. A failure to reach one leads to the next; once a backend has answered, its word is final. */
async function firstWelcome(legs: readonly Leg[], checked: Checked, visit: LineVisit): Promise<Welcome> {
  let last: Failure | undefined;
  for (const leg of legs) {
    try {
      const welcome = await welcomeOf(leg, checked, visit);
      reached(leg, visit);
      return welcome;
    } catch (error) {
      const answered = visit.backend !== undefined;
      dropBackend(visit);
      last = toFailure(error);
      // An exchange that the client has begun with one backend cannot go on with another.
      const isBegun = checked.credentials.kind === "live" && visit.session.stage === "login";
      if (!last.row.tryNext || isBegun) {
        if (answered) reached(leg, visit);
        throw last;
      }
      visit.house.observer.dialled(leg, false);
      visit.house.health.failed(leg, last.message, visit.session.client.host);
      const { id, stage } = visit.session;
      visit.house.logger.warn("backend failed", { session: id, stage, kind: last.kind, reason: last.message });
    }
  }
  throw last ?? new Failure("no-candidate", "There is no backend to dial");
}

/** The backend lives, whether it said yes or no. */
function reached(leg: Leg, { house }: Visit): void {
  house.health.succeeded(leg);
  house.observer.dialled(leg, true);
}

async function welcomeOf(leg: Leg, checked: Checked, visit: LineVisit): Promise<Welcome> {
  const presented = await presentedAt(leg, checked, visit);
  try {
    return await logInAt(leg, presented, visit);
  } catch (error) {
    throw refusedAt(leg, checked, error, visit);
  } finally {
    // The client's own secret is still needed, to tell a repeated wrong password from a new guess; logIn wipes it.
    if (presented.secret !== checked.credentials.secret) wipe(presented);
  }
}

async function logInAt(leg: Leg, credentials: BackendCredentials, visit: LineVisit): Promise<Welcome> {
  const { house, listener, session, trace } = visit;
  session.stage = "dial";
  if (leg.tls === "none" && !leg.allowPlaintext && !isLoopback(leg.host)) {
    throw new Failure(
      "backend-plaintext",
      `${legText(leg)}: credentials are not sent without TLS off loopback; use TLS or allowPlaintext`,
    );
  }
  session.backend = leg.backend;
  session.backendAddress = { host: leg.host, port: leg.port };
  const client = { source: session.client, destination: session.local, tls: session.tls };
  const backend = await dial(leg, { clock: house.clock, limits: house.login.limits, client });
  visit.backend = backend;
  session.stage = "login";
  if (trace !== undefined) backend.traceLine = (direction, text) => trace.line(direction, text);
  backend.deadline(
    house.clock,
    leg.replyTimeoutMs,
    "backend-silent",
    `${leg.backend} did not finish the login within ${leg.replyTimeoutMs} ms`,
  );
  return listener.protocol.login(backend, credentials, session, leg, listener.context);
}

/** Copies both ways until one side ends. `opening` is what the backend hears before anything else. */
function relay(visit: LineVisit, opening: string): Promise<RelayEnd> {
  const { client, backend } = visit;
  if (client === undefined || backend === undefined) throw new Failure("internal", "Nothing to relay");
  return new Promise((done) => {
    if (opening !== "") backend.writeSecret(opening, "***");
    visit.relay = new Relay(client, backend, done);
    visit.relay.clientWaits ||= opening !== "";
    // Nothing is kept of the dialogue.
    visit.client = visit.backend = undefined;
  });
}
