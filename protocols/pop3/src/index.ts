// POP3 as the gateway speaks it: the descriptor.

import type { LineProtocol } from "@postern/contracts";
import { login } from "./back.ts";
import { converse } from "./front.ts";
import { refusal } from "./replies.ts";
import { pop3Settings } from "./settings.ts";

export const pop3: LineProtocol = {
  name: "pop3",
  ports: { plain: 110, implicit: 995 },
  alpn: ["pop3"],
  schemes: {
    pop3: { tls: "none", port: 110 },
    "pop3+starttls": { tls: "starttls", port: 110 },
    pop3s: { tls: "implicit", port: 995 },
  },
  settings: pop3Settings,
  service: "pop",
  converse,
  login,
  accept: (client, _, { text }) => client.write(`+OK ${text}\r\n`),
  refuse: (client, failure) => client.write(refusal(failure)),
  farewell: (failure) => refusal(failure),
};
