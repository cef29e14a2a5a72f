// The question in nginx's mail `auth_http` dialect: Auth-Status OK is a yes, in whose Auth-User may rename the user; where
// to go (Auth-Server, Auth-Port, Auth-Pass) is not asked here. Throws Failure: wrong-credentials (with the server's words
// and wait, as nginx does), source-down.

import { askNginx, nginxUser, type NginxOptions } from "@postern/lookup";
import type { Question } from "./index.ts";

export function nginxQuestion(options: NginxOptions): Question {
  return async ({ user, credentials, session }) => {
    const query = { user, protocol: session.listener.protocol, credentials, session };
    const said = await askNginx(options, query, (yes) => ({ user: nginxUser(yes) ?? "" }));
    return said.user;
  };
}
