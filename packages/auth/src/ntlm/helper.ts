// One running helper: takes a question, gives the lines of its answer, one at a time. A helper that says what was not
// asked is ended at once: its next answer could be the one to somebody else's question.
// Throws Failure verifier-down.

import { spawn, type ChildProcessWithoutNullStreams } from "node:child_process";
import { Failure } from "@postern/contracts";
import { quoted } from "../quoted.ts";
import { isAnswer } from "./helper-protocol.ts";

const LONGEST_ANSWER = 16_384;
const KEPT_ERROR = 200;

export class Helper {
  readonly #process: ChildProcessWithoutNullStreams;
  #unread = "";
  #lines: string[] = [];
  #size = 0;
  #open: PromiseWithResolvers<readonly string[]> | undefined;
  #ended: Failure | undefined;
  #stderr = "";

  constructor([program = "", ...args]: readonly string[]) {
    // Nothing of our own environment but the path; LC_ALL so that its words are those we know.
    const env = { PATH: process.env["PATH"], LC_ALL: "C" };
    this.#process = spawn(program, args, { env, stdio: ["pipe", "pipe", "pipe"] });
    this.#process.on("error", (error) => this.end(`does not run: ${error.message}`));
    // Not started: the event says why, and there may be no streams.
    if (this.#process.pid === undefined) return;
    const { stdin, stdout, stderr } = this.#process;
    this.#process.on("close", (code, signal) => this.end(`ended (${signal ?? `code ${code}`}) ${quoted(this.#stderr)}`));
    stdin.on("error", (error) => this.end(`does not listen: ${error.message}`));
    stdout.setEncoding("latin1").on("data", (text: string) => this.#read(text));
    stderr.setEncoding("latin1").on("data", (text: string) => {
      this.#stderr = (this.#stderr + text).slice(-KEPT_ERROR);
    });
  }

  get alive(): boolean {
    return this.#ended === undefined;
  }

  /** The lines of the answer, without the dot. One question at a time. */
  async ask(question: string): Promise<readonly string[]> {
    if (this.#ended !== undefined) throw this.#ended;
    const open = Promise.withResolvers<readonly string[]>();
    this.#open = open;
    this.#size = 0;
    if (this.#process.pid !== undefined) this.#process.stdin.write(question);
    return open.promise;
  }

  /** Kills the process; an open question fails with the reason. Calling it twice is harmless. */
  end(reason: string): void {
    if (this.#ended !== undefined) return;
    this.#ended = new Failure("verifier-down", `the NTLM helper ${reason}`);
    this.#process.kill("SIGKILL");
    this.#open?.reject(this.#ended);
    this.#open = undefined;
  }

  #read(text: string): void {
    if (!this.alive) return;
    this.#size += text.length;
    if (this.#size > LONGEST_ANSWER) return this.end("says too much");
    const lines = (this.#unread + text).split("\n");
    this.#unread = lines.pop() ?? "";
    for (const line of lines) this.#line(line.replace(/\r$/, ""));
  }

  #line(line: string): void {
    if (!this.alive) return;
    // Samba ends each no with two dots: a dot without lines before it ends nothing.
    if (line === "." && this.#lines.length === 0) return;
    if (this.#open === undefined) return this.end("speaks without being asked");
    if (line !== ".") return void this.#lines.push(line);
    if (!isAnswer(this.#lines)) return this.end(`says ${quoted(this.#lines[0] ?? "")}`);
    this.#open.resolve(this.#lines);
    this.#open = undefined;
    this.#lines = [];
  }
}
