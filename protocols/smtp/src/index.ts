// SMTP as the gateway speaks it: submission (people and applications that send mail).

export { submission } from "./submission/submission.ts";
