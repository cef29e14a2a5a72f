// The interfaces that a front door meets ([MS-OXCRPC] section 1.9, [MS-OXNSPI], [MS-OXABREF], C706 appendix O).

/** An interface, or a transfer syntax. */
export interface Syntax {
  /** In small letters. */
  readonly uuid: string;
  readonly major: number;
  readonly minor: number;
}

export const INTERFACES = {
  EMSMDB: { uuid: "a4f1db00-ca47-1067-b31f-00dd010662da", major: 0, minor: 81 },
  AsyncEMSMDB: { uuid: "5261574a-4572-206e-b268-6b199213b4e4", major: 0, minor: 1 },
  NSPI: { uuid: "f5cc5a18-4264-101a-8c59-08002b2f8426", major: 56, minor: 0 },
  RFR: { uuid: "1544f5e0-613c-11d1-93df-00c04fd7bd09", major: 1, minor: 0 },
  epm: { uuid: "e1af8308-5d1f-11c9-91a4-08002b14a0fa", major: 3, minor: 0 },
} as const satisfies Record<string, Syntax>;

/** The one way to write arguments that is spoken here. */
export const NDR: Syntax = { uuid: "8a885d04-1ceb-11c9-9fe8-08002b104860", major: 2, minor: 0 };
