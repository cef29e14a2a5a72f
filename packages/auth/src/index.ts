// Who says yes.

export { createBackendDecides } from "./backend-decides.ts";
export { authSettings, type AuthSettings } from "./settings.ts";
