// Asks servers of the administrator over HTTP, in JSON or in nginx's auth_http dialect: where a user lives, or whether a
// password is right. Whatever cannot be asked or makes no sense is Failure source-down.

export { isCheckable } from "./checkable.ts";
export type { Checkable } from "./checkable.ts";
export { parseEndpoint } from "./endpoint.ts";
export type { Endpoint } from "./endpoint.ts";
export { MAX_WAIT_S, checkedLogin, cleanText, shown } from "./foreign-text.ts";
export { HttpClient } from "./http-client.ts";
export type { HttpAnswer, HttpClientOptions, HttpRequest } from "./http-client.ts";
export { httpServer } from "./http-server.ts";
export type { HttpServer, HttpServerUse } from "./http-server.ts";
export { jsonOf, loginFacts, refusalOf, refusedWith, sessionFacts, textField } from "./json.ts";
export type { Facts } from "./json.ts";
export { askNginx } from "./nginx.ts";
export type { NginxOptions } from "./nginx.ts";
export { nginxSecret, nginxUser } from "./nginx-answer.ts";
export type { NginxYes } from "./nginx-answer.ts";
export { authMethod, nginxHeaders } from "./nginx-request.ts";
export type { Envelope, EnvelopeQuery } from "./nginx-request.ts";
export { httpServerSettings } from "./settings.ts";
export type { HttpServerValue } from "./settings.ts";
