// PDUs of connection-oriented DCE/RPC (C706 chapter 12, [MS-RPCE]): found in a stream, read as far as a gateway has to, and a few
// written. No sockets.

export {};
