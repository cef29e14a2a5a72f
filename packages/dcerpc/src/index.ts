// PDUs of connection-oriented DCE/RPC (C706 chapter 12, [MS-RPCE]): found in a stream, read as far as a gateway has to, and a few
// written. No sockets.

export { bindAck, bindNak, BIND_NAK, fault, FAULT_STATUS, response } from "./answers.ts";
export { AUTH_LEVELS, AUTH_TYPES, authTrailerOf, ntlmUserOf, type AuthTrailer, type NtlmUser } from "./auth-trailer.ts";
export { readBind, readBindAck, type Bind, type BindAck, type BindContext, type BindResult } from "./bind.ts";
export { BodyReader } from "./body-reader.ts";
export { PduFramer, type PduTaker } from "./framer.ts";
export {
  HEADER_SIZE,
  headerOf,
  lengthAt,
  MAX_PDU,
  MAX_RTS,
  newPdu,
  PDU_FLAGS,
  PDU_TYPES,
  pdusOf,
  type PduHeader,
  type PduType,
} from "./header.ts";
export { INTERFACES, NDR, type Syntax } from "./interfaces.ts";
export { UUID_SIZE, uuidBytes, uuidText } from "./uuid.ts";
