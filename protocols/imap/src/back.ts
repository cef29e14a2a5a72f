// The backend's side: our login at a mailbox server, pipelined where it can be. Greeting, STARTTLS, ID (where the client
// really is), LOGIN or AUTHENTICATE, and the backend's own capabilities for the client. Never speaks to the client.
// Failure: backend-tls, backend-lost, backend-garbled, backend-mechanism, route-loop, and the backend's own no.

import { Failure, type BackendCredentials, type BackendDialogue, type Leg, type Session, type Welcome } from "@postern/contracts";
import { chooseResponse, type ClientResponse } from "@postern/sasl";
import { backendId } from "./id.ts";
import { KIND_OF_CODE } from "./replies.ts";
import { readResponse, untilTagged, type Tagged } from "./responses.ts";

/** Logs in and returns the words for the client. */
export async function login(
  backend: BackendDialogue,
  credentials: BackendCredentials,
  session: Session,
  leg: Leg,
): Promise<Welcome> {
  const id = backendId(session);
  let offered = await greeting(backend);
  if (leg.tls === "starttls") {
    await startTls(backend, offered);
    offered = undefined;
  }
  const known = offered ?? (await askCapabilities(backend));
  const response = chooseResponse(credentials, {
    mechanisms: new Set([...known].filter((word) => word.startsWith("AUTH=")).map((word) => word.slice(5))),
    ownCommand: !known.has("LOGINDISABLED"),
    host: leg.host,
    port: leg.port,
  });
  if (leg.forwardClient && known.has("ID")) backend.write(`I ID ${id}\r\n`);
  const result =
    response === undefined ? await byCommand(backend, credentials, known) : await byMechanism(backend, response, known);
  return welcome(backend, result);
}

type Capabilities = ReadonlySet<string>;

const words = (text: string): Capabilities =>
  new Set(
    text
      .toUpperCase()
      .split(" ")
      .filter((word) => word !== ""),
  );

/** Reads the greeting; the capabilities in it, if it has any. */
async function greeting(backend: BackendDialogue): Promise<Capabilities | undefined> {
  const line = await readResponse(backend);
  if (/^\* BYE\b/i.test(line)) throw new Failure("backend-lost", `The backend greets with ${JSON.stringify(line.slice(0, 200))}`);
  // PREAUTH would put the client into a mailbox that nobody has logged in to.
  if (!/^\* OK\b/i.test(line)) throw new Failure("backend-garbled", `Not a greeting: ${JSON.stringify(line.slice(0, 200))}`);
  const listed = /\[CAPABILITY ([^\]]*)\]/i.exec(line);
  return listed === null ? undefined : words(listed[1] ?? "");
}

async function startTls(backend: BackendDialogue, offered: Capabilities | undefined): Promise<void> {
  if (offered !== undefined && !offered.has("STARTTLS")) throw new Failure("backend-tls", "The backend does not offer STARTTLS");
  backend.write("S STARTTLS\r\n");
  const { tagged } = await untilTagged(backend, "S");
  if (tagged.status !== "OK") throw new Failure("backend-tls", `The backend refuses STARTTLS: ${tagged.text}`);
  await backend.startTls();
}

async function askCapabilities(backend: BackendDialogue): Promise<Capabilities> {
  backend.write("C CAPABILITY\r\n");
  const { capability } = await untilTagged(backend, "C");
  return words(capability ?? "");
}

interface Result {
  readonly tagged: Tagged;
  readonly capability: string | undefined;
  readonly challenge: Buffer | undefined;
}

/** RFC 7888 section 5: LITERAL- allows non-synchronising literals up to this size. */
const LITERAL_MINUS = 4096;

/** LOGIN, with quoted strings where they can carry the bytes, and literals where not. */
async function byCommand(backend: BackendDialogue, credentials: BackendCredentials, known: Capabilities): Promise<Result> {
  const parts = [Buffer.from(credentials.authcid), credentials.secret.reveal()];
  let line: Buffer = Buffer.from("L LOGIN");
  for (const part of parts) {
    if (isQuotable(part)) {
      line = Buffer.concat([line, Buffer.from(` "${part.toString("latin1").replaceAll(/["\\]/g, "\\$&")}"`, "latin1")]);
      continue;
    }
    const nonSynchronising = known.has("LITERAL+") || (known.has("LITERAL-") && part.length <= LITERAL_MINUS);
    const head = Buffer.from(` {${part.length}${nonSynchronising ? "+" : ""}}\r\n`);
    line = Buffer.concat([line, head, ...(nonSynchronising ? [part] : [])]);
    if (nonSynchronising) continue;
    backend.writeSecret(line, "L LOGIN … {literal}");
    const { continuation, tagged, capability } = await untilTagged(backend, "L", true);
    if (continuation === undefined) return { tagged, capability, challenge: undefined };
    line = part;
  }
  backend.writeSecret(Buffer.concat([line, Buffer.from("\r\n")]), `L LOGIN ${JSON.stringify(credentials.authcid)} ***`);
  const { tagged, capability } = await untilTagged(backend, "L");
  return { tagged, capability, challenge: undefined };
}

const isQuotable = (bytes: Buffer): boolean => bytes.every((byte) => byte >= 0x20 && byte < 0x7f);

/** No exchange takes more challenges. */
const MAX_ROUNDS = 12;

async function byMechanism(backend: BackendDialogue, response: ClientResponse, known: Capabilities): Promise<Result> {
  const { mechanism } = response;
  const initial = response.initial.toString("base64");
  let isFirstSent = known.has("SASL-IR");
  if (isFirstSent) backend.writeSecret(`L AUTHENTICATE ${mechanism} ${initial || "="}\r\n`, `L AUTHENTICATE ${mechanism} ***`);
  else backend.write(`L AUTHENTICATE ${mechanism}\r\n`);
  let reason: Buffer | undefined;
  for (let round = 0; round < MAX_ROUNDS; round++) {
    const { continuation, tagged, capability } = await untilTagged(backend, "L", true);
    if (continuation === undefined) return { tagged, capability, challenge: reason };
    const challenge = Buffer.from(continuation, "base64");
    const answer = isFirstSent ? await response.answer(challenge) : response.initial;
    isFirstSent = true;
    if (answer === undefined) reason = challenge;
    backend.writeSecret(`${(answer ?? response.farewell).toString("base64")}\r\n`, "***");
  }
  throw new Failure("backend-garbled", "The backend goes on asking");
}

/** The backend's yes in words for the client; its no as a Failure. */
async function welcome(backend: BackendDialogue, { tagged, capability, challenge }: Result): Promise<Welcome> {
  if (tagged.status !== "OK") throw backendRefusal(tagged, challenge);
  if (/\[CAPABILITY /i.test(tagged.text)) return { before: "", text: tagged.text };
  let listed = capability;
  if (listed === undefined) {
    backend.write("C CAPABILITY\r\n");
    listed = (await untilTagged(backend, "C")).capability;
  }
  return { before: listed === undefined ? "" : `* CAPABILITY ${listed}\r\n`, text: tagged.text };
}

function backendRefusal(tagged: Tagged, challenge: Buffer | undefined): Failure {
  const match = /^\[([A-Za-z-]+)[^\]]*\] ?(.*)$/s.exec(tagged.text);
  const code = match?.[1]?.toUpperCase();
  const said = { ...(code !== undefined && { code }), text: (match?.[2] ?? tagged.text).slice(0, 300) };
  const known = code === undefined ? "wrong-credentials" : (KIND_OF_CODE[code] ?? "wrong-credentials");
  const kind = tagged.status === "BAD" ? "backend-mechanism" : known;
  // Its words for a wrong password stay here: an unknown user, whom no backend was asked for, must be told the same.
  const told = kind !== "wrong-credentials";
  return new Failure(kind, `The backend says ${tagged.status} ${tagged.text}`, {
    ...(told && { said }),
    ...(challenge && { challenge }),
  });
}
