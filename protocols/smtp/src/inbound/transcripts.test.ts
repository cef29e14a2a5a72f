// Every dialogue of ../../transcripts/inbound, played through the real path.

import test from "ava";
import { Registry, serve } from "@postern/core";
import { playTranscript, transcriptsIn } from "@postern/testing";
import { inboundCase } from "./test/transcript-case.ts";

for (const transcript of transcriptsIn(new URL("../../transcripts/inbound/", import.meta.url))) {
  test(`inbound: ${transcript.name.replace(/\.txt$/, "").replaceAll("-", " ")}`, async (t) => {
    await t.notThrowsAsync(playTranscript(transcript, { Registry, serve }, inboundCase));
  });
}
