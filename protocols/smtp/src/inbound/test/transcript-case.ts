// What transcripts of the inbound role may say beside the directives that all have:
//
//   @smtp maxErrors=3 bareLineEndings=repair …     settings of the role, milliseconds and bytes
//   @backends "offers=PIPELINING,SIZE 10000000"    what health has heard of them
//   @visitor trusted                               a relay of ours
//   @filter stage=sender code=550 status=5.7.1 text=No hangUp                  a filter that stops the mail at a stage
//   @filter holds scan=550|accept                  one that sees the whole message, and holds it

import { stop, type ContentScan, type FilterAnswer, type FilterStage, type MailFilter, type Setting } from "@postern/contracts";
import { createBackendPool } from "@postern/core";
import type { HostedCase, HostedScene } from "@postern/testing";
import { greet, leave, type SmtpBackend } from "../delivery/backend.ts";
import { createInbound } from "../inbound.ts";
import type { InboundSettings } from "../parts.ts";
import { inboundSettings } from "../settings.ts";
import { FEATURES, testParts } from "./scene.ts";

export const inboundCase: HostedCase = {
  name: "smtp",
  make({ house, legs, directives }) {
    const { backends, filter, smtp, visitor } = directives;
    const pool = createBackendPool<SmtpBackend>({
      greet: greet(house.hostname),
      leave,
      limits: { maxLine: 8192, maxUnread: 65_536 },
      clock: house.clock,
      health: house.health,
      settings: { perBackend: 10, idle: 30_000, ahead: 0, wait: 5000 },
    });
    const parts = testParts(house, {
      legs,
      settings: settingsOf(smtp),
      features: [backends?.["offers"]?.split(",") ?? FEATURES],
      trusts: visitor !== undefined && "trusted" in visitor,
      filters: filter === undefined ? [] : [filterOf(filter)],
    });
    return createInbound({ ...parts, pool });
  },
};

type Table = HostedScene["directives"][string];

function settingsOf(table: Table = {}): Partial<InboundSettings> {
  const settings: Readonly<Record<string, Setting<unknown>>> = inboundSettings;
  const entries = Object.entries(table).map(([name, text]) => {
    if (settings[name]?.kind !== "scalar") throw new Error(`There is no setting ${name}`);
    return [name, /^\d+$/.test(text) ? Number(text) : text];
  });
  return Object.fromEntries(entries) as Partial<InboundSettings>;
}

function filterOf(table: Table): MailFilter {
  const { code = "550", status = "5.7.1", text = "No", stage } = table;
  const answer = stop(Number(code), status, text, "hangUp" in table);
  const scan = (): ContentScan => ({
    holds: "holds" in table,
    write: () => {},
    end: (): Promise<FilterAnswer> => Promise.resolve(table["scan"] === "accept" ? undefined : answer),
    abort: () => {},
  });
  const always = { name: "test", ...(table["scan"] !== undefined && { scan }) };
  return stage === undefined ? always : { ...always, [stage as FilterStage]: () => answer };
}
