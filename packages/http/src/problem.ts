// What is wrong with a message that a peer sent: for a client's, the status of the answer; for a backend's, a reason for the
// log. It quotes nothing of the message.

export class HttpProblem extends Error {
  /** 400, 405, 408, 411, 413, 414, 417, 421, 431, 501 or 505: what a client is told. */
  readonly status: number;

  constructor(status: number, reason: string) {
    super(reason);
    this.name = "HttpProblem";
    this.status = status;
  }
}
