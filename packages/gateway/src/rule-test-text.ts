// What `postern rule test` tells a person. Names of header fields come from the message, and are made printable. Pure.

import { sizeText, type HeaderEdit } from "@postern/contracts";
import type { DryMessage, DryRecipient, DryRun } from "@postern/mailflow";

type Event = DryRun["rules"][number];

export function ruleTestText(message: DryMessage, run: DryRun): string {
  const { trusted, kind, stripped, edits, redirect, recipients, refusal } = run;
  const sender = message.sender === "" ? "the null sender" : message.sender;
  const lines = [
    `${kind} message of ${sizeText(message.size)} from ${sender}, by ${message.client} (${trusted ? "trusted" : "a stranger"})`,
    ...(stripped.length === 0 ? [] : [`taken out, because strangers may not send it: ${stripped.map(printable).join(", ")}`]),
    "",
    ...section("rules", table(rulesOf(run))),
    ...section("changes", [...edits.map(editText), ...(redirect === undefined ? [] : [`redirect to ${redirect}`])]),
    ...section("recipients", recipients.map(recipientText)),
  ];
  const result =
    refusal === undefined
      ? resultOf(recipients)
      : `refused (${refusal.stage}): ${refusal.reply.code} ${refusal.reply.status} ${refusal.reply.lines.join(" ")}`;
  return `${[...lines, `result: ${result}`].join("\n")}\n`;
}

const section = (title: string, lines: readonly string[]): string[] =>
  lines.length === 0 ? [] : [`${title}:`, ...lines.map((line) => `  ${line}`), ""];

function rulesOf({ rules, notReached }: DryRun): readonly (readonly string[])[] {
  return [
    ...rules.map((event) => [event.rule, placeOf(event), outcomeOf(event)]),
    ...notReached.map((rule) => [rule, "", "not reached"]),
  ];
}

const placeOf = ({ stage, recipient }: Event): string => (recipient === undefined ? stage : `${stage} ${recipient}`);

function outcomeOf(event: Event): string {
  if (event.outcome === "fits") return `fits -> ${event.did.join("; ")}`;
  return `${event.outcome}: ${event.because}`;
}

function editText(edit: HeaderEdit): string {
  if (edit.do === "remove") return `remove ${printable(edit.name)}`;
  return `${edit.do} ${edit.name}: ${edit.value}`;
}

function recipientText({ address, isAdded, deliverTo, routeAs, source, why, backends, problem }: DryRecipient): string {
  const name = `${address}${isAdded ? " (added)" : ""}`;
  if (problem !== undefined) return `${name} -> nowhere: ${problem}`;
  const other = deliverTo === address ? "" : `, as ${deliverTo}`;
  const by = routeAs === deliverTo ? "" : `, found by ${routeAs}`;
  return `${name} -> ${backends.join(", then ")} (${source}: ${why})${other}${by}`;
}

function resultOf(recipients: readonly DryRecipient[]): string {
  const routed = recipients.filter(({ problem }) => problem === undefined).length;
  return routed === 0
    ? "refused: no recipient can be routed"
    : `goes to the backends, for ${routed} of ${recipients.length} recipients`;
}

/** Columns as wide as their longest cell. */
function table(rows: readonly (readonly string[])[]): string[] {
  const width = (column: number): number => Math.max(0, ...rows.map((row) => row[column]?.length ?? 0));
  const widths = [width(0), width(1)];
  return rows.map((row) => row.map((cell, column) => cell.padEnd(widths[column] ?? 0)).join("  "));
}

const printable = (text: string): string => text.replaceAll(/[^ -~]/g, "?");
