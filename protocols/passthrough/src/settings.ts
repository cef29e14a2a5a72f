// Settings of TLS that is passed through.

import { setting, type ValueOf } from "@postern/contracts";

const { dict, duration, list, text } = setting;

const SECOND = 1000;
const HOUR = 3_600_000;

export const passthroughSettings = {
  names: dict(
    'By the name that the client asks for (SNI), in small letters: *.example.com is any name below it, "*" any other name and none.',
    "HOST",
    list("The backends, in order of preference.", text("A backend's name."), { single: true }),
  ),
  helloTimeout: duration("The most that a client may take for its first message, the ClientHello.", {
    default: 10 * SECOND,
    min: 100,
    max: 300 * SECOND,
  }),
  idle: duration("A session in which no byte moves for so long is ended. Phones hold a request open for an hour.", {
    default: 2 * HOUR,
    min: SECOND,
    max: 24 * HOUR,
  }),
};

export type PassthroughSettings = {
  readonly [K in keyof typeof passthroughSettings]: ValueOf<(typeof passthroughSettings)[K]>;
};
