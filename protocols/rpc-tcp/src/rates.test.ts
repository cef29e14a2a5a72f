import test from "ava";
import { Failure } from "@postern/contracts";
import { testState } from "../test/state.ts";
import { createRates, type Rates } from "./rates.ts";

const rates = (perAddress: number, perUser: number): Rates =>
  createRates({ perAddress, perUser }, testState(), (host) => host === "192.0.2.99");

const kindOf = async (work: Promise<void>): Promise<string> => {
  try {
    await work;
    return "in";
  } catch (error) {
    return error instanceof Failure ? error.kind : String(error);
  }
};

test("rates: an address, an IPv6 /64 as one, and a user have so many in a minute, each by itself", async (t) => {
  const { address, user } = rates(1, 1);
  t.is(await kindOf(address("192.0.2.1")), "in");
  t.is(await kindOf(address("192.0.2.1")), "too-many-from-address");
  t.is(await kindOf(address("192.0.2.2")), "in");
  t.is(await kindOf(address("2001:db8::1")), "in");
  t.is(await kindOf(address("2001:db8::2")), "too-many-from-address");
  t.is(await kindOf(user("alice@example.com")), "in");
  t.is(await kindOf(user("alice@example.com")), "too-many-of-user");
  t.is(await kindOf(user("bob@example.com")), "in");
});

test("rates: exempt networks and unix sockets are not counted, and 0 is no limit", async (t) => {
  const limited = rates(1, 1);
  for (const host of ["192.0.2.99", "192.0.2.99", "", ""]) t.is(await kindOf(limited.address(host)), "in");
  const unlimited = rates(0, 0);
  for (let round = 0; round < 3; round += 1) {
    t.is(await kindOf(unlimited.address("192.0.2.1")), "in");
    t.is(await kindOf(unlimited.user("alice@example.com")), "in");
  }
});
