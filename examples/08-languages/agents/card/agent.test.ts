/** The logic in plain Node: `cargo xtask test` bundles and runs it. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { Failure } from "@bailiwick/agent";
import { Fake } from "@bailiwick/agent/fake";
import card from "./agent.ts";

test("sets lines as a picture", () => {
  const fake = new Fake();
  const made = fake.perform(card, {
    lines: ["Hello <Ada> & all!", "Tea."],
    words: { count: 5, mean_letters: 3.25 },
  });
  assert.equal(made.caption, "5 words of 3.3 letters");
  const text = fake.host().artifacts.text(made.picture as { $artifact: string });
  assert.match(text, /Hello &lt;Ada&gt; &amp; all!/);
  assert.equal(text.match(/<text /g)?.length, 2);
});

test("refuses no lines", () => {
  assert.throws(
    () => new Fake().perform(card, { lines: [], words: { count: 0, mean_letters: 0 } }),
    (thrown) => thrown instanceof Failure && thrown.kind === "invalid-input",
  );
});
