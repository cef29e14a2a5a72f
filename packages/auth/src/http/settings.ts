// Settings of the verifier that asks a server over HTTP.

import { setting, type ValueOf } from "@postern/contracts";
import { httpServerSettings } from "@postern/lookup";

const { url, ...server } = httpServerSettings;

const PROVES = ["password", "token"] as const;
const proof = setting.choice("A kind of proof.", PROVES);
// The default is put in by hand: typed through list() it is too deep for the compiler.
const proves = {
  ...setting.list("What the server can check: passwords, tokens (XOAUTH2, OAUTHBEARER), or both.", proof, { single: true }),
  default: PROVES.slice(0, 1),
};

export const httpSettings = setting.group("A server that is asked over HTTP whether a password or token is right", {
  url,
  dialect: setting.choice("What is spoken: json, or nginx for a server made for nginx's auth_http.", ["json", "nginx"], {
    default: "json",
  }),
  proves,
  ...server,
});

export type HttpSettings = ValueOf<typeof httpSettings>;
