// Kinds of files by their first bytes, whatever their names say. The table is the source of the setting's values.

interface Magic {
  readonly words: string;
  readonly fits: (head: Buffer) => boolean;
}

const begins = (bytes: string) => {
  const wanted = Buffer.from(bytes, "latin1");
  return (head: Buffer) => head.subarray(0, wanted.length).equals(wanted);
};
const isMz = begins("MZ");
const DOS_HEADER = 64;

export const MAGIC = {
  // A text may begin with MZ too; it has no NUL in its first line, which the header of a program has.
  "windows-program": {
    words: "a Windows program",
    fits: (head) => isMz(head) && head.length >= DOS_HEADER && head.subarray(0, DOS_HEADER).includes(0),
  },
  shortcut: { words: "a Windows shortcut", fits: begins("L\0\0\0\x01\x14\x02\0") },
  "linux-program": { words: "a Linux program", fits: begins("\x7fELF") },
  // Java classes begin like programs for several processors.
  "mac-program": {
    words: "a macOS program or a Java class",
    fits: (head) => ["\xcf\xfa\xed\xfe", "\xce\xfa\xed\xfe", "\xca\xfe\xba\xbe"].some((bytes) => begins(bytes)(head)),
  },
  cabinet: { words: "a Windows cabinet", fits: begins("MSCF\0\0\0\0") },
  help: { words: "a Windows help file", fits: begins("ITSF") },
  "disk-image": { words: "a disk image", fits: (head) => begins("conectix")(head) || begins("vhdxfile")(head) },
} as const satisfies Readonly<Record<string, Magic>>;

export type MagicName = keyof typeof MAGIC;
// The keys of a table that is written out here are all there is.
export const MAGIC_NAMES = Object.keys(MAGIC) as readonly MagicName[];

export const magicOf = (head: Buffer, among: readonly MagicName[]): MagicName | undefined =>
  among.find((name) => MAGIC[name].fits(head));
