// The question in nginx's mail `auth_http` dialect: Auth-Status OK is a yes, in whose Auth-User may rename the user; where
// to go (Auth-Server, Auth-Port, Auth-Pass) is not asked here. nginx takes an answer without Auth-Status for a yes too, and
// then stumbles over the missing Auth-Server; here it is none: any page of any web server would say yes to everybody.
// Throws Failure: wrong-credentials (with the server's words and wait, as nginx does), source-down.

import { Failure } from "@postern/contracts";
import { askNginx, nginxUser, type NginxOptions, type NginxYes } from "@postern/lookup";
import type { Question } from "./index.ts";

export function nginxQuestion(options: NginxOptions): Question {
  return async ({ user, credentials, session }) => {
    const query = { user, protocol: session.listener.protocol, credentials, session };
    const said = await askNginx(options, query, readYes);
    return said.user;
  };
}

function readYes(yes: NginxYes): { readonly user: string } {
  if (yes.of("auth-status") !== "OK") throw new Failure("source-down", `sent no Auth-Status (status ${yes.status})`);
  return { user: nginxUser(yes) ?? "" };
}
