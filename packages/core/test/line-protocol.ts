// The smallest protocol that the path can carry, for its tests. The client says "LOGIN user password" or "QUIT"; the
// backend greets with one line, is sent "user password", and says "OK words" or "NO kind".

import { Failure, FAILURES, Secret, type BackendCredentials, type FailureKind, type LineProtocol } from "@postern/contracts";

export interface LineProtocolProbe {
  readonly protocol: LineProtocol;
  /** All credentials that came by, with the secret as it was at the backend. */
  readonly presented: { readonly credentials: BackendCredentials; readonly secret: string }[];
}

export function lineProtocol(overrides: Partial<LineProtocol> = {}): LineProtocolProbe {
  const presented: LineProtocolProbe["presented"] = [];
  const protocol: LineProtocol = {
    name: "line",
    ports: { plain: 1, implicit: 2 },
    alpn: ["line"],
    schemes: {},
    settings: {},
    service: "line",
    async converse(client, session) {
      if (session.attempts === 0) client.write("HELLO\r\n");
      const [verb, user = "", password = ""] = (await client.readLine()).split(" ");
      if (verb === "QUIT") return undefined;
      if (verb !== "LOGIN") throw new Failure("wrong-protocol", "Not LOGIN");
      const secret = new Secret(password);
      return { credentials: { kind: "password", mechanism: "PLAIN", authcid: user, authzid: "", secret }, tag: "" };
    },
    async login(backend, credentials) {
      const secret = credentials.secret.reveal().toString();
      presented.push({ credentials, secret });
      await backend.readLine();
      backend.writeSecret(`${credentials.authcid} ${secret}\r\n`, `${credentials.authcid} ***`);
      const [status, ...words] = (await backend.readLine()).split(" ");
      if (status === "OK") return { before: "", text: words.join(" ") };
      const kind = words[0] ?? "";
      throw new Failure(kind in FAILURES ? (kind as FailureKind) : "backend-garbled", `The backend says NO ${kind}`);
    },
    accept: (client, _, { text }) => client.write(`YES ${text}\r\n`),
    refuse: (client, failure) => client.write(`NO ${failure.kind}\r\n`),
    farewell: (failure) => `BYE ${failure.kind}\r\n`,
    ...overrides,
  };
  return { protocol, presented };
}
