// The sealed cookie that keeps a browser at its backend: whose mailbox it was, and which backend served it, by name. It is
// sealed (seal.ts) under a key of its service and its own name, so any node can open it and nobody else can read or make one.
// It never holds a host, and what is in it proves nobody: a backend that it names is taken only from among those that the route
// allows.
//
// Sealed is: until when (seconds, u32), length of the mailbox (u16), the mailbox, the backend. It is a session cookie: a browser
// forgets it when it is closed, and we do when its time is over. What cannot be opened is as if it were not there. Never throws
// for what came from outside.

import type { Clock } from "@postern/contracts";
import { allOf, hasField, ownText, type Fields } from "@postern/http";
import { pathOf } from "../answers/local.ts";
import type { HttpRequest } from "../exchange.ts";
import type { Service } from "../parts.ts";
import type { HttpsSettings } from "../settings.ts";
import { createSealer, type Sealer } from "../seal.ts";
import { isAtOrBelow } from "../services/services.ts";
import { remember } from "./remember.ts";

/** What is in it. */
export interface Seal {
  /** Normalised; undefined: nobody was known, but a backend was chosen. */
  readonly mailbox: string | undefined;
  readonly backend: string;
}

export interface Affinity {
  /** For who takes them out of what backends see. */
  readonly cookieNames: readonly string[];
  /** The first of the request's cookies that can be opened, for this service. */
  open(request: HttpRequest, service: Service): Seal | undefined;
  /** A Set-Cookie field, or nothing where the client has what it would get and that holds for long enough. */
  renew(request: HttpRequest, seal: Seal, service: Service, isSecure: boolean): Fields;
}

export interface AffinityParts {
  /** 32 bytes or more, the same on all nodes. */
  readonly secret: Buffer;
  readonly settings: HttpsSettings["cookie"];
  readonly clock: Clock;
}

const LABEL = "postern affinity cookie";
const FIXED_BYTES = 6;
/** Browsers keep no longer ones. */
const LONGEST = 4096;
/** A browser sends those of folders above as well. */
const MOST_TRIED = 4;
/** Opened, or made, lately: most requests repeat what the one before said. Of each service. */
const REMEMBERED = 2000;

interface Opened extends Seal {
  readonly until: number;
}

interface Made {
  readonly value: string;
  readonly until: number;
}

/** Of one service. */
interface Memory {
  readonly sealer: Sealer;
  readonly opened: Map<string, Opened>;
  readonly made: Map<string, Made>;
}

export function createAffinity({ secret, settings, clock }: AffinityParts): Affinity {
  const { name, lifetime } = settings;
  const memories = new Map<string, Memory>();

  function memoryOf({ name: service }: Service): Memory {
    const before = memories.get(service);
    if (before !== undefined) return before;
    const memory = { sealer: createSealer(secret, `${LABEL}\0${name}\0${service}`), opened: new Map(), made: new Map() };
    memories.set(service, memory);
    return memory;
  }

  function find({ fields }: HttpRequest, service: Service): Opened | undefined {
    if (!hasField(fields, "cookie")) return undefined;
    const { sealer, opened } = memoryOf(service);
    for (const value of cookiesOf(fields, name)) {
      let found = opened.get(value);
      if (found === undefined) {
        found = parsed(sealer.open(value));
        if (found === undefined) continue;
        remember(opened, ownText(value), found, REMEMBERED);
      }
      if (found.until > clock.now()) return found;
    }
    return undefined;
  }

  function make(seal: Seal, service: Service): string {
    const now = clock.now();
    const { sealer, made } = memoryOf(service);
    const whose = seal.mailbox === undefined ? seal.backend : `${seal.backend}\0${seal.mailbox}`;
    const before = made.get(whose);
    // The same words may go to several clients; each makes its own only when half of the time is over.
    if (before !== undefined && before.until - now > lifetime / 2) return before.value;
    const until = now + lifetime;
    const value = sealer.seal(written({ ...seal, until }));
    remember(made, whose, { value, until }, REMEMBERED);
    return value;
  }

  return {
    cookieNames: [name],
    open(request, service) {
      const found = find(request, service);
      return found && { mailbox: found.mailbox, backend: found.backend };
    },
    renew(request, seal, service, isSecure) {
      const found = find(request, service);
      const isSame = found?.mailbox === seal.mailbox && found?.backend === seal.backend;
      if (isSame && found !== undefined && found.until - clock.now() > lifetime / 4) return [];
      const flags = isSecure ? "; Secure; HttpOnly; SameSite=Lax" : "; HttpOnly; SameSite=Lax";
      return ["Set-Cookie", `${name}=${make(seal, service)}; Path=${folderOf(request.target, service)}${flags}`];
    },
  };
}

/** As the browser wrote it: it compares the paths of cookies in the exact case of letters. */
function folderOf(target: string, { paths }: Service): string {
  if (paths.length === 1 && paths[0] === "/") return "/";
  const path = pathOf(target).toLowerCase();
  let folder = "/";
  for (const one of paths) if (one.length > folder.length && isAtOrBelow(path, one)) folder = one;
  return folder === "/" ? "/" : target.slice(0, folder.length);
}

/** Values of the cookies of this name (RFC 6265 section 5.4), the first few. */
function cookiesOf(fields: Fields, name: string): string[] {
  const found: string[] = [];
  for (const line of allOf(fields, "cookie")) {
    if (!line.includes(name)) continue;
    for (const pair of line.split(";")) {
      const cookie = pair.trim();
      if (found.length === MOST_TRIED) return found;
      if (cookie.length <= LONGEST && cookie.startsWith(name) && cookie[name.length] === "=")
        found.push(cookie.slice(name.length + 1));
    }
  }
  return found;
}

function written({ mailbox = "", backend, until }: Opened): Buffer {
  const name = Buffer.from(mailbox, "utf8");
  const fixed = Buffer.alloc(FIXED_BYTES);
  fixed.writeUInt32BE(Math.floor(until / 1000));
  fixed.writeUInt16BE(name.length, 4);
  return Buffer.concat([fixed, name, Buffer.from(backend, "utf8")]);
}

/** What was sealed by us is whole. */
function parsed(plain: Buffer | undefined): Opened | undefined {
  if (plain === undefined) return undefined;
  const nameEnd = FIXED_BYTES + plain.readUInt16BE(4);
  const mailbox = plain.toString("utf8", FIXED_BYTES, nameEnd);
  return {
    mailbox: mailbox === "" ? undefined : mailbox,
    backend: plain.toString("utf8", nameEnd),
    until: plain.readUInt32BE() * 1000,
  };
}
