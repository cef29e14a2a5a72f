// The backend's side: our login at a submission server. Greeting, EHLO by the client's own name, STARTTLS, XCLIENT (where
// the client really is), AUTH; or, where the gateway has checked the user, XCLIENT alone; or, for an application that is let
// in, XCLIENT without a user. A session that comes out of it can take a message at once. Never speaks to the client.
// Failure: backend-tls, backend-lost, backend-garbled, backend-mechanism, backend-unavailable, route-loop, and the
// backend's own no.

import {
  Failure,
  type BackendCredentials,
  type BackendDialogue,
  type Leg,
  type ProtocolContext,
  type Session,
  type Welcome,
} from "@postern/contracts";
import { chooseResponse, type ClientResponse } from "@postern/sasl";
import { greeted, sayHello, startTls } from "../backend-hello.ts";
import { helloOf } from "../hello.ts";
import { kindOfCode } from "../replies.ts";
import { isYes, readResponse, shown, wordsOf, type Response } from "../responses.ts";
import { xclientLine } from "../xclient.ts";

const WELCOME = "Authentication successful";

/** Logs in and returns the words for the client. */
export async function login(
  backend: BackendDialogue,
  credentials: BackendCredentials,
  session: Session,
  leg: Leg,
  { hostname }: ProtocolContext,
): Promise<Welcome> {
  await greeted(backend);
  if (leg.tls === "starttls") await startTls(backend, hostname);
  const name = helloOf(session)?.name ?? hostname;
  const first = await sayHello(backend, name);
  const facts = {
    offered: first.get("XCLIENT") ?? [],
    forwardClient: leg.forwardClient,
    login: credentials.kind === "trusted" ? credentials.authcid : undefined,
  };
  const line = xclientLine(session, facts);
  const believed = line !== undefined && (await introduced(backend, line));
  const offered = believed ? await sayHello(backend, name) : first;
  if (credentials.kind === "admitted") return welcome(undefined, "");
  // The name was told, and believed: there is nothing to prove.
  if (believed && facts.login !== undefined && facts.offered.includes("LOGIN")) return welcome(undefined, "");
  const mechanisms = new Set(offered.get("AUTH"));
  const response = chooseResponse(credentials, { mechanisms, ownCommand: false, host: leg.host, port: leg.port });
  if (response === undefined) throw new Failure("backend-mechanism", "A submission server has no login command but AUTH");
  const { status, text } = wordsOf(await authenticate(backend, response));
  return welcome(status, text);
}

const welcome = (status: string | undefined, text: string): Welcome => ({
  before: "",
  text: `${status ?? "2.7.0"} ${text || WELCOME}`,
});

/** Sends XCLIENT; false when the backend does not believe us, which costs nobody the login. */
async function introduced(backend: BackendDialogue, line: string): Promise<boolean> {
  backend.write(line);
  const response = await readResponse(backend);
  // 421: it hangs up.
  if (response.code === "421") throw new Failure("backend-lost", `The backend answers XCLIENT with ${shown(response)}`);
  return isYes(response);
}

/** RFC 4954 section 4: a command line has 512 bytes at most; a longer initial response waits for its challenge. */
const MAX_COMMAND = 512;

/** No exchange takes more challenges. */
const MAX_ROUNDS = 12;

async function authenticate(backend: BackendDialogue, response: ClientResponse): Promise<Response> {
  const { mechanism } = response;
  const withInitial = `AUTH ${mechanism} ${response.initial.toString("base64") || "="}\r\n`;
  let isFirstSent = withInitial.length <= MAX_COMMAND;
  if (isFirstSent) backend.writeSecret(withInitial, `AUTH ${mechanism} ***`);
  else backend.write(`AUTH ${mechanism}\r\n`);
  let reason: Buffer | undefined;
  for (let round = 0; round < MAX_ROUNDS; round++) {
    const reply = await readResponse(backend);
    if (reply.code === "235") return reply;
    if (/^[45]/.test(reply.code)) throw refused(reply, reason);
    if (reply.code !== "334") throw new Failure("backend-garbled", `The backend answers AUTH with ${shown(reply)}`);
    const challenge = Buffer.from(reply.lines.at(-1) ?? "", "base64");
    const answer = isFirstSent ? await response.answer(challenge) : response.initial;
    isFirstSent = true;
    if (answer === undefined) reason = challenge;
    backend.writeSecret(`${(answer ?? response.farewell).toString("base64")}\r\n`, "***");
  }
  throw new Failure("backend-garbled", "The backend goes on asking");
}

function refused(reply: Response, challenge: Buffer | undefined): Failure {
  const kind = kindOfCode(reply.code);
  const { status, text } = wordsOf(reply);
  const said = { code: status === undefined ? reply.code : `${reply.code} ${status}`, text: text.slice(0, 300) };
  // Its words for a wrong password stay here: an unknown user, whom no backend was asked for, must be told the same.
  const told = kind !== "wrong-credentials";
  return new Failure(kind, `The backend says ${shown(reply)}`, { ...(told && { said }), ...(challenge && { challenge }) });
}
