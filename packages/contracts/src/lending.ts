// A large buffer that sockets read into, lent to whoever gets a chunk of it (packages/net lending.ts).

/** A large buffer with its users: the socket that reads into it, and who got a chunk of it. */
export interface Lending {
  readonly buffer: Buffer;
  /** Where it goes when nobody uses it. */
  readonly spare: Lending[];
  users: number;
}
