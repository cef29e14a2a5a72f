// Every dialogue of ../../transcripts/submission, played through the real path, one after another: some measure time-outs.

import test from "ava";
import { Registry, serve } from "@postern/core";
import { playTranscript, transcriptsIn } from "@postern/testing";
import { submission } from "./submission.ts";

for (const transcript of transcriptsIn(new URL("../../transcripts/submission/", import.meta.url))) {
  test.serial(`submission: ${transcript.name.replace(/\.txt$/, "").replaceAll("-", " ")}`, async (t) => {
    await t.notThrowsAsync(playTranscript(transcript, { Registry, serve }, submission));
  });
}
