/**
 * The same text, of latin1 characters, in one piece of its own: for what is kept. A piece that was cut out of a head would keep the
 * whole head in memory, with its passwords; what was joined would be put together again each time that it is written.
 */
export const ownText = (text: string): string => Buffer.from(text, "latin1").toString("latin1");
