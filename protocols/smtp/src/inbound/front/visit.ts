// One client as filters see it, for as long as it stays, and one transaction of it. Only facts: nothing here talks to anybody.

import type {
  Finding,
  HeaderEdit,
  MailAddress,
  MailHeader,
  MailRecipient,
  MailTransaction,
  MailVisit,
  MessageKind,
  RoutedRecipient,
  Session,
} from "@postern/contracts";

export class Visit implements MailVisit {
  readonly session: Session;
  readonly trusted: boolean;
  readonly findings: Finding[] = [];
  hello: string | undefined;
  extended = false;
  spokeEarly = false;
  refusedRecipients = 0;
  hostName: string | undefined;
  /** Of the findings: those of the connection, before any hello. */
  #ofConnection = 0;

  constructor(session: Session, trusted: boolean) {
    this.session = session;
    this.trusted = trusted;
  }

  /** The connection was judged: what is found from here on belongs to a hello. */
  connected(): void {
    this.#ofConnection = this.findings.length;
  }

  /** A new hello takes the place of the one before, and of what was found of it. */
  greets(name: string | undefined, extended: boolean): void {
    this.hello = name;
    this.extended = extended;
    this.findings.length = this.#ofConnection;
  }
}

export class Recipient implements MailRecipient {
  readonly address: string;
  readonly parameters: MailAddress["parameters"];
  deliverTo: string;
  routeAs: string;

  constructor({ address, parameters }: MailAddress) {
    this.address = address;
    this.parameters = parameters;
    this.deliverTo = address;
    this.routeAs = address;
  }

  goes({ deliverTo, routeAs }: RoutedRecipient): void {
    this.deliverTo = deliverTo;
    this.routeAs = routeAs;
  }
}

export class Transaction implements MailTransaction {
  readonly id: string;
  readonly visit: Visit;
  readonly sender: MailAddress;
  readonly startedAt: number;
  readonly recipients: Recipient[] = [];
  readonly findings: Finding[] = [];
  readonly authentication: string[] = [];
  readonly edits: HeaderEdit[] = [];
  readonly added: string[] = [];
  size: number;
  header: MailHeader | undefined;
  came: MailHeader | undefined;
  kind: MessageKind | undefined;
  redirect: string | undefined;

  constructor(id: string, visit: Visit, sender: MailAddress, startedAt: number) {
    this.id = id;
    this.visit = visit;
    this.sender = sender;
    this.startedAt = startedAt;
    this.size = Number(sender.parameters.get("SIZE") ?? 0);
  }

  get utf8(): boolean {
    return this.sender.parameters.has("SMTPUTF8");
  }
}
