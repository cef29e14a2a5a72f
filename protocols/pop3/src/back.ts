// The backend's side: our login at a POP3 server. Greeting, STLS, XCLIENT (where the client really is), UTF8 when the client
// asked for it, USER and PASS or AUTH. XCLIENT, UTF8 and USER leave in one packet. Never speaks to the client.
// Failure: backend-tls, backend-lost, backend-garbled, backend-mechanism, route-loop, and the backend's own no.

import { Failure, type BackendCredentials, type BackendDialogue, type Leg, type Session, type Welcome } from "@postern/contracts";
import { chooseResponse, OWN_COMMAND, type ClientResponse } from "@postern/sasl";
import { KIND_OF_CODE } from "./replies.ts";
import { xclientLine } from "./xclient.ts";

/** Logs in and returns the words for the client. */
export async function login(
  backend: BackendDialogue,
  credentials: BackendCredentials,
  session: Session,
  leg: Leg,
): Promise<Welcome> {
  const xclient = xclientLine(session);
  const greeting = await readReply(backend);
  if (!greeting.ok) throw new Failure("backend-lost", `The backend greets with ${JSON.stringify(greeting.text.slice(0, 200))}`);
  if (leg.tls === "starttls") await startTls(backend);
  const response = await choose(backend, credentials, leg);
  let expected = 0;
  // A Postern is told even if it does not trust us: the hop count stops loops.
  if (leg.forwardClient && /^\[XCLIENT\]|\bPostern\b/.test(greeting.text)) {
    backend.write(xclient);
    expected++;
  }
  if (session.utf8) {
    backend.write("UTF8\r\n");
    expected++;
  }
  const { text } =
    response === undefined ? await byCommand(backend, credentials, expected) : await byMechanism(backend, response, expected);
  return { before: "", text };
}

interface Reply {
  readonly ok: boolean;
  /** "+" with a challenge. */
  readonly challenge: boolean;
  readonly text: string;
}

async function readReply(backend: BackendDialogue): Promise<Reply> {
  const line = await backend.readLine();
  // A challenge: with SCRAM passed through, a few of them are enough to try passwords on.
  backend.trace(line.startsWith("+ ") ? "+ ***" : line);
  const match = /^(\+OK|-ERR|\+)(?: (.*))?$/is.exec(line);
  if (match === null) throw new Failure("backend-garbled", `Not a reply: ${JSON.stringify(line.slice(0, 200))}`);
  return { ok: match[1]?.toUpperCase() === "+OK", challenge: match[1] === "+", text: match[2] ?? "" };
}

async function startTls(backend: BackendDialogue): Promise<void> {
  backend.write("STLS\r\n");
  const reply = await readReply(backend);
  if (!reply.ok) throw new Failure("backend-tls", `The backend refuses STLS: ${reply.text}`);
  await backend.startTls();
}

const MAX_LINES = 100;

/** Which way to log in; asks for the mechanisms only when the answer depends on them. */
async function choose(backend: BackendDialogue, credentials: BackendCredentials, leg: Leg): Promise<ClientResponse | undefined> {
  if (credentials.mechanism === OWN_COMMAND) return undefined;
  backend.write("CAPA\r\n");
  const mechanisms = new Set<string>();
  const first = await readReply(backend);
  for (let lines = 0; first.ok; lines++) {
    const line = await backend.readLine();
    if (line === ".") break;
    if (lines === MAX_LINES) throw new Failure("backend-garbled", "The backend's capability list does not end");
    const [word, ...names] = line.toUpperCase().split(" ");
    if (word === "SASL") for (const name of names) mechanisms.add(name);
  }
  return chooseResponse(credentials, { mechanisms, ownCommand: true, host: leg.host, port: leg.port });
}

/** Reads the answers to what was sent ahead. A no to XCLIENT or UTF8 costs nobody the login. */
async function skip(backend: BackendDialogue, count: number): Promise<void> {
  for (let index = 0; index < count; index++) await readReply(backend);
}

async function byCommand(backend: BackendDialogue, { authcid, secret }: BackendCredentials, expected: number): Promise<Reply> {
  // A line end would be a command of its own.
  if (/[\r\n\0]/.test(authcid) || /[\r\n\0]/.test(secret.reveal().toString("latin1"))) {
    throw new Failure("backend-mechanism", "USER and PASS cannot carry this user name or password");
  }
  backend.write(Buffer.from(`USER ${authcid}\r\n`));
  await skip(backend, expected);
  const user = await readReply(backend);
  if (!user.ok) throw refused(user, undefined);
  backend.writeSecret(Buffer.concat([Buffer.from("PASS "), secret.reveal(), Buffer.from("\r\n")]), "PASS ***");
  const pass = await readReply(backend);
  if (!pass.ok) throw refused(pass, undefined);
  return pass;
}

/** RFC 5034 section 4: a command line has 255 bytes at most; a longer initial response waits for its challenge. */
const MAX_COMMAND = 255;

/** No exchange takes more challenges. */
const MAX_ROUNDS = 12;

async function byMechanism(backend: BackendDialogue, response: ClientResponse, expected: number): Promise<Reply> {
  const { mechanism } = response;
  const withInitial = `AUTH ${mechanism} ${response.initial.toString("base64") || "="}\r\n`;
  let isFirstSent = withInitial.length <= MAX_COMMAND;
  if (isFirstSent) backend.writeSecret(withInitial, `AUTH ${mechanism} ***`);
  else backend.write(`AUTH ${mechanism}\r\n`);
  await skip(backend, expected);
  let reason: Buffer | undefined;
  for (let round = 0; round < MAX_ROUNDS; round++) {
    const reply = await readReply(backend);
    if (reply.ok) return reply;
    if (!reply.challenge) throw refused(reply, reason);
    const challenge = Buffer.from(reply.text, "base64");
    const answer = isFirstSent ? await response.answer(challenge) : response.initial;
    isFirstSent = true;
    if (answer === undefined) reason = challenge;
    backend.writeSecret(`${(answer ?? response.farewell).toString("base64")}\r\n`, "***");
  }
  throw new Failure("backend-garbled", "The backend goes on asking");
}

function refused(reply: Reply, challenge: Buffer | undefined): Failure {
  const match = /^\[([A-Za-z/-]+)\] ?(.*)$/s.exec(reply.text);
  const code = match?.[1]?.toUpperCase();
  const said = { ...(code !== undefined && { code }), text: (match?.[2] ?? reply.text).slice(0, 300) };
  const kind = code === undefined ? "wrong-credentials" : (KIND_OF_CODE[code] ?? "wrong-credentials");
  // Its words for a wrong password stay here: an unknown user, whom no backend was asked for, must be told the same.
  const told = kind !== "wrong-credentials";
  return new Failure(kind, `The backend says -ERR ${reply.text}`, { ...(told && { said }), ...(challenge && { challenge }) });
}
