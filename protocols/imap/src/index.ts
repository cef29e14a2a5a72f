// IMAP as the gateway speaks it: the descriptor.

import type { LineProtocol } from "@postern/contracts";
import { login } from "./back.ts";
import { converse } from "./front.ts";
import { refusal } from "./replies.ts";
import { imapSettings } from "./settings.ts";

export const imap: LineProtocol = {
  name: "imap",
  ports: { plain: 143, implicit: 993 },
  alpn: ["imap"],
  schemes: {
    imap: { tls: "none", port: 143 },
    "imap+starttls": { tls: "starttls", port: 143 },
    imaps: { tls: "implicit", port: 993 },
  },
  settings: imapSettings,
  service: "imap",
  converse,
  login,
  accept: (client, { tag }, { before, text }) => client.write(`${before}${tag} OK ${text}\r\n`),
  refuse: (client, failure, attempt) => client.write(refusal(failure, attempt?.tag ?? "")),
  farewell: (failure) => refusal(failure, ""),
};
