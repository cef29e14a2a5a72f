// Submission (RFC 6409): SMTP as the gateway speaks it to people and applications that send mail. The descriptor.

import type { LineProtocol } from "@postern/contracts";
import { oneLine } from "@postern/core";
import { mailRefusal } from "./applications.ts";
import { features } from "../backend-hello.ts";
import { login } from "./back.ts";
import { converse } from "./front.ts";
import { refusal } from "../replies.ts";
import { submissionSettings } from "./settings.ts";

export const submission: LineProtocol = {
  name: "submission",
  ports: { plain: 587, implicit: 465 },
  alpn: ["smtp"],
  schemes: {
    smtp: { tls: "none", port: 587 },
    "smtp+starttls": { tls: "starttls", port: 587 },
    smtps: { tls: "implicit", port: 465 },
  },
  settings: submissionSettings,
  service: "smtp",
  converse,
  login,
  features,
  admits: true,
  accept(client, { credentials }, { text }) {
    // The backend answers the MAIL of an application.
    if (credentials.kind !== "admitted") client.write(`235 ${oneLine(text)}\r\n`);
  },
  refuse: (client, failure, attempt) =>
    client.write(attempt?.credentials.kind === "admitted" ? mailRefusal(failure) : refusal(failure)),
  farewell: (failure) => refusal(failure),
};
