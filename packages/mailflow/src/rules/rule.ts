// One rule of the configuration, made ready: when it is asked, whether it is asked for each recipient, and what it does.

import type { FilterStage } from "@postern/contracts";
import { compileActions, type Action, type ActionServices } from "./actions.ts";
import { compileConditions, stageNumber, type Condition, type Facts } from "./conditions.ts";
import type { RuleSettings } from "./settings.ts";

export interface Rule {
  readonly name: string;
  /** Its place in the list. */
  readonly index: number;
  /** The earliest at which all that it looks at is known and all that it does can be done. */
  readonly stage: FilterStage;
  readonly ofRecipient: boolean;
  readonly conditions: readonly Condition[];
  readonly actions: readonly Action[];
}

export function compileRule({ name, when, then }: RuleSettings, index: number, services: ActionServices): Rule {
  const conditions = compileConditions(when);
  const actions = compileActions(then, name, services);
  const parts = [...conditions, ...actions];
  const ofRecipient = parts.some((part) => part.ofRecipient);
  const stages = parts.map(({ stage }) => stage);
  return { name, index, stage: latest(ofRecipient ? [...stages, "recipient"] : stages), ofRecipient, conditions, actions };
}

function latest(stages: readonly FilterStage[]): FilterStage {
  return stages.reduce((late, stage) => (stageNumber(stage) > stageNumber(late) ? stage : late), "connect");
}

/** The first condition that does not hold; undefined: the rule fits. */
export function failedCondition({ conditions }: Rule, facts: Facts): Condition | undefined {
  return conditions.find(({ holds }) => !holds(facts));
}

/** Might it still change this message when all is known? */
export function mayChange({ stage, conditions, actions }: Rule, facts: Facts): boolean {
  if (stage !== "content" || !actions.some(({ changes }) => changes)) return false;
  return conditions.every((condition) => condition.stage === "content" || condition.holds(facts));
}
