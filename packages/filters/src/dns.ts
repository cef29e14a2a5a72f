// The DNS as filters ask it: bounded in time, remembered for as long as the records live. Never throws for what the DNS says.

/** Records that may be asked for. */
export interface DnsAnswers {
  readonly A: readonly string[];
  readonly AAAA: readonly string[];
  /** One string a record, its parts joined. */
  readonly TXT: readonly string[];
  readonly PTR: readonly string[];
  readonly MX: readonly { readonly exchange: string; readonly priority: number }[];
}
export type DnsType = keyof DnsAnswers;

/** Records ("none": no such name, or none of the type), or that the DNS cannot tell now. */
export type DnsAnswer<T extends DnsType> =
  | { readonly state: "found"; readonly records: DnsAnswers[T] }
  | { readonly state: "none" }
  | { readonly state: "down"; readonly reason: string };

export interface DnsResolver {
  ask<T extends DnsType>(name: string, type: T): Promise<DnsAnswer<T>>;
}
