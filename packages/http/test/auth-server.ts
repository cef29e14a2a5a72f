// A small HTTP server behind ConnectionAuth, for real clients; a process of its own, because Kerberos reads its environment
// when the process starts. Arguments: password file, keytab or "". Says its port; ends with its input. GET / answers who is
// there and how many connections there were; the token that it takes is "right-token".

import { randomBytes } from "node:crypto";
import { createServer, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { createAuthenticator } from "@postern/auth";
import { Failure, systemClock, toFailure, type Credentials, type Identity } from "@postern/contracts";
import { bareContext } from "@postern/sasl";
import { createMemoryLogger, testSession } from "@postern/testing";
import { ConnectionAuth, offeredSchemes, parseAuthorization, type AuthHeaders, type Scheme } from "../src/index.ts";

interface Visitor {
  readonly auth: ConnectionAuth;
  readonly number: number;
  identity: Identity | undefined;
}

const [path = "", keytab = "", ...named] = process.argv.slice(2);
const authenticator = createAuthenticator(
  {
    verifiers: [
      { verifier: "file", path },
      ...(keytab === ""
        ? []
        : [{ verifier: "kerberos" as const, keytab, realms: {}, channelBinding: "check" as const, map: {} }]),
    ],
    cache: 0,
    actAs: [],
    rights: [],
    masterSeparator: undefined,
  },
  { clock: systemClock, logger: createMemoryLogger(), defaultDomain: "test.local", secret: randomBytes(32) },
);
const proves = new Set([...authenticator.proves, "token" as const]);
const abilities = {
  authenticator: { proves, believes: false },
  logins: [{ strategy: "master" as const, tokenUrl: undefined }],
  checkedByRoute: false,
  certificates: false,
};
const offered = offeredSchemes(abilities, named.length === 0 ? undefined : (named as Scheme[]));
const context = bareContext({ hostname: "localhost", service: "HTTP", proofs: authenticator.proofs });
const visitors = new Map<object, Visitor>();
let connections = 0;

async function identityOf(credentials: Credentials): Promise<Identity> {
  if (credentials.kind !== "token") return authenticator.check(credentials, testSession());
  if (credentials.secret.reveal().toString() === "right-token") return { user: "token@test.local", proven: true };
  throw new Failure("wrong-credentials", "the token is wrong");
}

function end(response: ServerResponse, status: number, headers: AuthHeaders, text: string): void {
  for (const [name, values] of Object.entries(headers)) response.setHeader(name, values);
  response.writeHead(status).end(`${text}\n`);
}

async function serve(visitor: Visitor, values: readonly string[] | undefined, response: ServerResponse): Promise<void> {
  const { auth, number } = visitor;
  const yes = (headers: AuthHeaders): void => end(response, 200, headers, `${visitor.identity?.user} on connection ${number}`);
  const step = await auth.next(parseAuthorization(values));
  if (step.kind === "challenge") return end(response, step.status, step.headers, "who are you?");
  if (step.kind === "kept") return yes({});
  visitor.identity = await identityOf(step.credentials);
  auth.keep(step.credentials);
  return yes(step.headers);
}

const server = createServer({ maxHeaderSize: 128 * 1024 }, (request, response) => {
  const visitor = visitors.get(request.socket);
  if (visitor === undefined) throw new Error("A request without a connection");
  request.resume();
  request.once("end", () => {
    serve(visitor, request.headersDistinct["authorization"], response).catch((error: unknown) => {
      const failure = toFailure(error);
      end(response, 401, visitor.auth.challenge(failure).headers, failure.kind);
    });
  });
});
server.on("connection", (socket) => {
  const auth = new ConnectionAuth({ offered, context, realm: "the test", allowPlaintext: true });
  visitors.set(socket, { auth, number: (connections += 1), identity: undefined });
  socket.once("close", () => auth.close());
});
server.listen(0, "localhost", () => console.log((server.address() as AddressInfo).port));
process.stdin.resume().once("end", () => {
  server.closeAllConnections();
  server.close();
  authenticator.close();
});
