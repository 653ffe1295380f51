/** The logic, in plain Node against a fake host: npm test */

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { Failure } from "@bailiwick/agent";
import { Fake } from "@bailiwick/agent/fake";
import greet from "./agent.ts";

const read = (name: string) => JSON.parse(readFileSync(`cases/greets/${name}.json`, "utf8"));

test("answers its case", () => {
  const fake = new Fake();
  assert.deepEqual(fake.perform(greet, read("input")), read("expected"));
  assert.equal(fake.lines[0]?.message, "greeting Ada");
});

test("refuses a blank name", () => {
  assert.throws(
    () => new Fake().perform(greet, { name: " " }),
    (thrown) => thrown instanceof Failure && thrown.text === "name: must not be blank",
  );
});
