// The OUT side of RpcHttpClient: CONN/A1, the receive window, and recycling when it is asked for ([MS-RPCH] sections 3.2.2.5.3 to
// 3.2.2.5.10). Throws Error for a PDU that the state does not allow, and for octets behind the last one of a channel.

import { newCookie, type InSide } from "./client-in.ts";
import type { Cookied, OutState, Recycling, Together } from "./client-parts.ts";
import type { AnswerHead, ChannelHears, HttpChannel } from "./http-channel.ts";
import { DESTINATIONS, isRts, rtsNames, rtsPdu, rtsValues, type RtsName, type RtsValues } from "./rts.ts";
import { Receiving } from "./windows.ts";

const WINDOW = 64 * 1024;
const NEW_LENGTH = 76;
const SUCCESSOR_LENGTH = 120;
const FIRST_HEAD = 128 * 1024;
const LAST_HEAD = 2 * 1024 ** 3;

/** What the client does with a PDU, by its name; the first row that fits the state and the shape counts. */
interface Row {
  readonly name: RtsName;
  readonly states: readonly OutState[];
  readonly act: (values: RtsValues) => void;
}

const OPEN: readonly OutState[] = ["opened", "A6W", "A10W", "B3W"];

export class OutSide {
  state: OutState = "A3W";
  /** Pings that came. */
  pings = 0;
  readonly #together: Together;
  readonly #in: InSide;
  readonly #window: number;
  readonly #rows: readonly Row[];
  readonly #retired = new Set<HttpChannel>();
  /** PDUs that overtook OUT_R2/B3. */
  readonly #early: Buffer[] = [];
  readonly #unread: Buffer[] = [];
  #isPaused = false;
  #now: Cookied | undefined;
  #next: Cookied | undefined;
  #receiving: Receiving;

  constructor(together: Together, inSide: InSide) {
    this.#together = together;
    this.#in = inSide;
    this.#window = together.options.window ?? WINDOW;
    this.#receiving = new Receiving(this.#window);
    this.#rows = this.#table();
  }

  /** Of the channel that is in use. */
  get cookie(): string {
    return this.#now?.cookie ?? "";
  }

  start(): void {
    this.#now = this.#open(NEW_LENGTH);
    const { connection } = this.#together;
    this.#now.channel.send(rtsPdu("CONN/A1", { connection, channel: this.cookie, window: this.#window }));
    this.#enter("A3W");
  }

  /** Stops taking RPC PDUs out of the window. */
  pause(): void {
    this.#isPaused = true;
  }

  resume(): void {
    this.#isPaused = false;
    for (const pdu of this.#unread.splice(0)) this.#consume(pdu);
  }

  kill(): void {
    for (const channel of [this.#now?.channel, this.#next?.channel, ...this.#retired]) channel?.kill();
  }

  #table(): Row[] {
    const toClient = (act: (values: RtsValues) => void) => (values: RtsValues) => {
      if (values.destination !== DESTINATIONS.client) throw new Error(`A PDU for ${values.destination} came to the client`);
      act(values);
    };
    return [
      { name: "CONN/A3", states: ["A3W"], act: () => this.#enter("C2W") },
      { name: "CONN/C2", states: ["C2W"], act: ({ window = 0 }) => this.#opened(window) },
      { name: "Ping", states: ["C2W", ...OPEN], act: () => void (this.pings += 1) },
      { name: "FlowControlAckWithDestination", states: OPEN, act: toClient((values) => this.#in.acknowledged(values)) },
      { name: "IN_R1/A3", states: OPEN, act: toClient(({ window }) => this.#in.recycled(window)) },
      { name: "IN_R2/A3", states: OPEN, act: toClient(() => this.#in.recycled()) },
      { name: "OUT_R1/A1", states: ["opened"], act: toClient(() => this.#replace()) },
      { name: "OUT_R1/A5", states: ["A6W"], act: toClient(() => this.#agreeR1()) },
      { name: "OUT_R2/A5", states: ["A6W"], act: toClient(() => this.#agreeR2()) },
      { name: "OUT_R1/A9", states: ["A10W"], act: () => this.#switch("OUT_R1") },
      { name: "OUT_R2/B3", states: ["B3W"], act: () => this.#switch("OUT_R2") },
    ];
  }

  #enter(state: OutState): void {
    this.state = state;
    this.#together.entered("out", state);
  }

  #opened(window: number): void {
    this.#enter("opened");
    this.#in.opened(window);
  }

  #pdu(pdu: Buffer): void {
    if (!isRts(pdu)) return this.#rpc(pdu);
    for (const { name, states, act } of this.#rows) {
      const values = states.includes(this.state) ? rtsValues(name, pdu) : undefined;
      if (values !== undefined) return act(values);
    }
    throw new Error(`In state ${this.state} came ${rtsNames(pdu)}`);
  }

  #rpc(pdu: Buffer): void {
    if (!OPEN.includes(this.state)) throw new Error(`An RPC PDU came in state ${this.state}`);
    this.#receiving.arrived(pdu.length);
    if (this.#isPaused) this.#unread.push(pdu);
    else this.#consume(pdu);
  }

  #consume(pdu: Buffer): void {
    const due = this.#receiving.freed(pdu.length);
    const { outProxy: destination } = DESTINATIONS;
    if (due !== undefined) this.#in.rts(rtsPdu("FlowControlAckWithDestination", { destination, channel: this.cookie, ...due }));
    this.#together.rpc(pdu);
  }

  #replace(): void {
    this.#next = this.#open(SUCCESSOR_LENGTH);
    const values: RtsValues = {
      connection: this.#together.connection,
      predecessor: this.cookie,
      successor: this.#next.cookie,
      window: this.#window,
    };
    this.#next.channel.send(rtsPdu("OUT_R1/A3", values));
    this.#enter("A6W");
  }

  #agreeR1(): void {
    this.#in.rts(rtsPdu("OUT_R1/A7", { destination: DESTINATIONS.server, successor: this.#successor().cookie }));
    this.#enter("A10W");
  }

  #agreeR2(): void {
    const { cookie: successor, channel } = this.#successor();
    this.#enter("B3W");
    if (this.#together.options.c1 !== "B3") channel.send(rtsPdu("OUT_R2/C1"));
    this.#in.rts(rtsPdu("OUT_R2/A7", { destination: DESTINATIONS.server, successor }));
  }

  #switch(how: Recycling): void {
    const next = this.#successor();
    if (this.#now !== undefined) this.#retired.add(this.#now.channel);
    this.#now = next;
    this.#next = undefined;
    // What is still unread was taken by the window of the channel that it came on.
    const unread = this.#unread.splice(0);
    this.#receiving = new Receiving(this.#window);
    for (const pdu of unread) this.#together.rpc(pdu);
    if (how === "OUT_R1") next.channel.send(rtsPdu("OUT_R1/A11"));
    else if (this.#together.options.c1 === "B3") next.channel.send(rtsPdu("OUT_R2/C1"));
    this.#together.recycled(how);
    this.#enter("opened");
    for (const pdu of this.#early.splice(0)) this.#pdu(pdu);
  }

  #successor(): Cookied {
    if (this.#next === undefined) throw new Error("There is no successor of the OUT channel");
    return this.#next;
  }

  #open(length: number): Cookied {
    const hears: ChannelHears = {
      head: (head) => this.#guarded(() => this.#head(channel, head)),
      pdu: (pdu) => this.#guarded(() => this.#heard(channel, pdu)),
      over: (why) => {
        if (this.#retired.delete(channel)) return;
        const which = channel === this.#next?.channel ? "The successor of OUT" : "OUT";
        this.#together.fail(new Error(`${which} is gone in state ${this.state}: ${why}`));
      },
    };
    const channel = this.#together.open("out", length, hears);
    return { cookie: newCookie(), channel };
  }

  #guarded(work: () => void): void {
    try {
      work();
    } catch (error) {
      this.#together.fail(error instanceof Error ? error : new Error(String(error)));
    }
  }

  #head(channel: HttpChannel, { status, reason, fields }: AnswerHead): void {
    if (status !== 200) throw new Error(`OUT was answered: ${status} ${reason}`);
    const length = Number(fields.get("content-length"));
    if (reason !== "Success" || fields.get("content-type") !== "application/rpc")
      throw new Error(`OUT was answered: ${status} ${reason}, ${fields.get("content-type")}`);
    if (!(length >= FIRST_HEAD && length <= LAST_HEAD)) throw new Error(`An OUT channel of ${length} octets`);
    if (channel === this.#next?.channel && this.state !== "B3W")
      throw new Error(`The successor of OUT was answered in state ${this.state}`);
  }

  #heard(channel: HttpChannel, pdu: Buffer): void {
    if (this.#retired.has(channel)) throw new Error("Octets came behind the last PDU of an OUT channel");
    if (channel === this.#next?.channel) this.#early.push(pdu);
    else this.#pdu(pdu);
  }
}
