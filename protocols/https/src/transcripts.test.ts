// Every dialogue of ../transcripts, played through the real path.

import test from "ava";
import { Registry, serve } from "@postern/core";
import { playTranscript, transcriptsIn } from "@postern/testing";
import { httpsCase } from "../test/transcript-case.ts";

for (const transcript of transcriptsIn(new URL("../transcripts/", import.meta.url))) {
  test(`https: ${transcript.name.replace(/\.txt$/, "").replaceAll("-", " ")}`, async (t) => {
    await t.notThrowsAsync(playTranscript(transcript, { Registry, serve }, httpsCase));
  });
}
