import test from "ava";
import { Failure } from "@postern/contracts";
import { createUserPlaces } from "./user-places.ts";

test("a user has so many places and no more; others have their own", (t) => {
  const places = createUserPlaces(2, "calls");
  const first = places.take("alice");
  places.take("alice");
  t.is(t.throws(() => places.take("alice"), { instanceOf: Failure }).kind, "too-many-of-user");
  t.notThrows(() => places.take("bob"));
  first.release();
  t.notThrows(() => places.take("alice"));
});

test("0 means no limit", (t) => {
  const places = createUserPlaces(0, "calls");
  for (let count = 0; count < 1000; count++) places.take("alice");
  t.pass();
});
