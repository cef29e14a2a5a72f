// NTLM's messages as clients send them ([MS-NLMP] section 2.2.1): the first one, and a last one that is well-formed and wrong.

export function ntlmNegotiate(): Buffer {
  const message = Buffer.alloc(40);
  message.write("NTLMSSP\0", "latin1");
  message.writeUInt32LE(1, 8);
  message.writeUInt32LE(0xe2088297, 12);
  return message;
}

export function ntlmAuthenticate(user: string): Buffer {
  const parts = [Buffer.alloc(24), Buffer.alloc(52), Buffer.from("EXAMPLE", "utf16le"), Buffer.from(user, "utf16le")];
  parts[1]?.writeUInt16LE(0x0101, 16);
  const header = Buffer.alloc(88);
  header.write("NTLMSSP\0", "latin1");
  header.writeUInt32LE(3, 8);
  header.writeUInt32LE(0xe2088297, 60);
  let at = header.length;
  for (const [index, offset] of [12, 20, 28, 36, 44, 52].entries()) {
    const length = parts[index]?.length ?? 0;
    header.writeUInt16LE(length, offset);
    header.writeUInt16LE(length, offset + 2);
    header.writeUInt32LE(at, offset + 4);
    at += length;
  }
  return Buffer.concat([header, ...parts]);
}
