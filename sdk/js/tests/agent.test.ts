/** One definition as an agent: what it answers, how it fails, and its types. */

import assert from "node:assert/strict";
import { test } from "node:test";
import {
  Denied,
  Exhausted,
  Failed,
  Failure,
  Invalid,
  Message,
  Request,
  Response,
  ToolCall,
  Unavailable,
  defineAgent,
} from "../src/index.ts";
import { Fake } from "../src/fake.ts";
import { exported } from "../src/guest.ts";

const SLOGAN = {
  type: "object",
  properties: { text: { type: "string", description: "At most eight words." } },
  required: ["text"],
  additionalProperties: false,
} as const;

const slogan = defineAgent({
  name: "slogan",
  version: "0.1.0",
  summary: "Writes a slogan in the brand's tone.",
  input: {
    type: "object",
    properties: { product: { type: "string" }, count: { type: "integer" } },
    required: ["product"],
  },
  output: SLOGAN,
  perform(task, host) {
    if (task.product === "") throw Failure.invalidInput("product: is empty");
    // @ts-expect-error what the schema does not require may be absent
    const count: number = task.count;
    void count;
    const tone = host.knowledge("brand").search("tone of voice", 3);
    const system = tone.map((one) => one.text).join("\n");
    const { value, model } = host.model("writer").answer(SLOGAN, { system, prompt: task.product });
    host.log.info(`${model} wrote it`);
    return { text: value.text };
  },
});

const fake = () => new Fake().knowledge("brand", ["Our tone is calm."]);

function failure(run: () => unknown): [string, string] {
  try {
    run();
  } catch (thrown) {
    assert.ok(thrown instanceof Failure, String(thrown));
    return [thrown.kind, thrown.text];
  }
  return assert.fail("no failure");
}

test("answers with JSON", () => {
  const scripted = fake().answer("writer", { text: "Tea, now." });
  assert.deepEqual(scripted.perform(slogan, { product: "kettle" }), { text: "Tea, now." });
  const [request] = scripted.requests;
  assert.deepEqual(request?.messages[0]?.parts, ["Our tone is calm."]);
  assert.match(request?.outputSchema ?? "", /At most eight words/);
  assert.equal(scripted.lines[0]?.message, "fake wrote it");
});

test("stays an ordinary function", () => {
  const host = fake().answer("writer", { text: "Tea." }).host();
  assert.deepEqual(slogan.perform({ product: "kettle" }, host), { text: "Tea." });
});

test("errors become failures as documented", () => {
  for (const [thrown, expected] of [
    [new Denied("model"), ["refused", "model"]],
    [new Unavailable(), ["retryable", "the provider is unavailable"]],
    [new Exhausted("rate"), ["retryable", "the limit on rate is spent"]],
    [new Exhausted("tokens"), ["fatal", "the limit on tokens is spent"]],
    [new Invalid("limit: 0"), ["fatal", "limit: 0"]],
    [new Failed("retryable", "later"), ["retryable", "the agent that was called failed for now: later"]],
    [new Failed("broken"), ["fatal", "the agent that was called broke"]],
    [new TypeError("x is not a function"), ["fatal", "TypeError: x is not a function"]],
  ] as const) {
    const scripted = fake().answer("writer", thrown);
    assert.deepEqual(failure(() => scripted.perform(slogan, { product: "kettle" })), expected);
  }
});

test("an unexpected exception leaves its stack in the log", () => {
  const scripted = fake().answer("writer", new TypeError("odd"));
  failure(() => scripted.perform(slogan, { product: "kettle" }));
  assert.equal(scripted.lines.at(-1)?.level, "error");
  assert.match(scripted.lines.at(-1)?.message ?? "", /TypeError: odd/);
});

test("what has no form in JSON is said with its place", () => {
  const odd = (value: unknown) =>
    defineAgent({ name: "odd", version: "1.0.0", summary: "odd", input: true, output: true, perform: () => value as never });
  for (const [value, words] of [
    [{ a: [NaN] }, "TypeError: a[0]: NaN has no form in JSON"],
    [new Map(), "TypeError: value: a Map has no form in JSON"],
    [undefined, "TypeError: value: undefined has no form in JSON"],
    [Promise.resolve(1), "TypeError: perform returned a promise; an agent is straight-line code"],
  ] as const) {
    assert.deepEqual(failure(() => new Fake().perform(odd(value), {})), ["fatal", words]);
  }
});

test("all that is wrong with a definition is said at once", () => {
  const define = () =>
    defineAgent({ name: "Odd", version: "one", summary: " ", input: true, output: true, perform: () => null as never });
  assert.throws(define, /"Odd".*\n.*"one".*\n.*summary is empty/);
  const long = (summary: string) =>
    defineAgent({ name: "odd", version: "1.0.0", summary, input: true, output: true, perform: () => null as never });
  assert.equal(long("x".repeat(1024)).summary.length, 1024);
  assert.throws(() => long("ü".repeat(513)), /summary has more than 1 KiB/);
});

test("a fake denies what no script was given for, and exhausts after some calls", () => {
  const host = new Fake().host();
  for (const call of [
    () => host.model("writer").complete("x"),
    () => host.knowledge("brand").search("x"),
    () => host.http.get("https://example.com"),
    () => host.kv.get("x"),
    () => host.delegate.call("other", 1),
  ]) {
    assert.throws(call, Denied);
  }
  const once = new Fake().kv({ x: 1 }).exhaust("kv", "calls", 1).host();
  assert.equal(once.kv.get("x"), 1);
  assert.throws(() => once.kv.get("x"), Exhausted);
});

test("a namespace lists, compares and sets", () => {
  const scripted = new Fake().kv({ a1: 1, a2: { b: [1], c: 2 }, c: 3 });
  const { kv } = scripted.host();
  assert.deepEqual(kv.list("a", { after: "a1" }), ["a2"]);
  assert.equal(kv.compareAndSet("a2", { c: 2, b: [1] }, undefined), true);
  assert.equal(kv.compareAndSet("c", 4, 5), false);
  assert.equal(kv.compareAndSet("new", undefined, 5), true);
  assert.deepEqual(scripted.values, { a1: 1, c: 3, new: 5 });
});

test("comparing is one call, and what a prototype has is no value", () => {
  const scripted = new Fake().kv({ n: 1 }).exhaust("kv", "calls", 2);
  const { kv } = scripted.host();
  assert.equal(kv.compareAndSet("n", true, 2), false);
  assert.equal(kv.compareAndSet("n", 1, 2), true);
  assert.throws(() => kv.compareAndSet("n", 2, 3), Exhausted);
  const other = new Fake().kv().host().kv;
  assert.equal(other.get("constructor"), undefined);
  assert.equal(other.compareAndSet("constructor", undefined, 1), true);
  other.set("__proto__", { a: 1 });
  assert.deepEqual([other.list(), other.get("__proto__")], [["__proto__", "constructor"], { a: 1 }]);
  assert.throws(() => other.compareAndSet("x", undefined, "x".repeat(256 * 1024)), /^Invalid: value: /);
});

test("a search counts whole words", () => {
  const host = new Fake().knowledge("brand", ["Teapots are round.", "Tea, calm: our tone!"]).host();
  const found = host.knowledge("brand").search("TEA? calm-tone", 5);
  assert.deepEqual(found.map((one) => [one.text, one.score]), [["Tea, calm: our tone!", 3]]);
});

test("text is what a model says", () => {
  const model = new Fake().answer("writer", "plain", '"plain"').host().model("writer");
  assert.throws(() => model.answer({ type: "string" }, "?"), /^Invalid: answer: /);
  assert.equal(model.answer({ type: "string" }, "?").value, "plain");
});

test("what this fake did not mint is foreign", () => {
  const foreign = { $artifact: `blake3:${"0".repeat(64)}` };
  const passes = defineAgent({
    name: "passes",
    version: "0.1.0",
    summary: "Passes on what it is given.",
    input: true,
    output: true,
    perform: (given) => (Array.isArray(given) ? given : foreign),
  });
  const scripted = new Fake().answerWith("eye", () => "yes");
  const logo = scripted.artifact(new Uint8Array(), "image/png");
  assert.deepEqual(scripted.perform(passes, [logo]), [logo]);
  for (const document of [[foreign], [{ a: [foreign] }], 1]) {
    const told = failure(() => scripted.perform(passes, document));
    assert.deepEqual(told, ["fatal", `foreign-artifact: ${foreign.$artifact}`]);
  }
  const eye = scripted.host().model("eye");
  assert.equal(eye.complete({ prompt: ["what?", logo] }).text, "yes");
  assert.throws(
    () => eye.complete({ prompt: ["what?", foreign] }),
    (thrown) => thrown instanceof Denied && thrown.capability === "artifacts",
  );
});

test("holds to the bounds of the contract", () => {
  const scripted = new Fake().answerWith("writer", () => "yes").kv().knowledge("brand", ["x"]);
  scripted.embedWith("embedder", () => [1]).drawWith("painter", () => [new Uint8Array(), "image/png"]);
  const host = scripted.web("", new Response(200, {}, new Uint8Array())).host();
  const [model, embedder, painter] = [host.model("writer"), host.model("embedder"), host.model("painter")];
  const many = (count: number) => Array.from({ length: count }, () => "x");
  const turns = (count: number) => ({ messages: many(count).map((text) => ({ role: "user" as const, parts: [text] })) });
  const tools = (name: string) => ({ prompt: "?", tools: [{ name, description: "", parameters: true }] });
  for (const [good, bad, field] of [
    [() => model.complete(turns(256)), () => model.complete(turns(257)), "messages"],
    [() => model.complete({ prompt: many(64) }), () => model.complete({ prompt: many(65) }), "parts"],
    [() => model.complete("x".repeat(2 ** 20)), () => model.complete("ü".repeat(2 ** 20)), "text"],
    [() => model.complete({ prompt: "?", temperature: 2 }), () => model.complete({ prompt: "?", temperature: 2.1 }), "temperature"],
    [() => model.complete({ prompt: "?", maxTokens: 1 }), () => model.complete({ prompt: "?", maxTokens: 0 }), "max-tokens"],
    [() => model.complete({ prompt: "?", stop: many(16) }), () => model.complete({ prompt: "?", stop: [""] }), "stop"],
    [() => model.complete(tools("a-B_1")), () => model.complete(tools("a b")), "tools"],
    [() => embedder.embed(many(256)), () => embedder.embed(many(257)), "texts"],
    [
      () => painter.generateImages({ prompt: "x", width: 64, height: 4096 }),
      () => painter.generateImages({ prompt: "x", width: 64, height: 4097 }),
      "height",
    ],
    [() => host.knowledge("brand").search("x".repeat(1024)), () => host.knowledge("brand").search("x".repeat(1025)), "query"],
    [() => host.artifacts.put("", "a/b"), () => host.artifacts.put("", "ab"), "media-type"],
    [() => host.artifacts.put("", "a/b", "n"), () => host.artifacts.put("", "a/b", "n/m"), "name"],
    [() => host.kv.get("k".repeat(256)), () => host.kv.get("k\n"), "key"],
    [() => host.http.get("https://a/"), () => host.http.fetch("https://a/", { method: "LINK" }), "method"],
    [() => host.http.get("https://a/", { "x-a": "1" }), () => host.http.get("https://a/", { "x-a": "1", "X-A": "2" }), "headers"],
  ] as const) {
    good();
    assert.throws(bad, (thrown) => {
      assert.ok(thrown instanceof Invalid && thrown.message === `${field}: out of the contract's bounds`, `${field}: ${thrown}`);
      return true;
    });
  }
});

test("tools are called and answered", () => {
  const call = { id: "1", name: "price", arguments: '{"product": "kettle"}' };
  const scripted = new Fake().answer("writer", { toolCalls: [call] }, "12");
  const model = scripted.host().model("writer");
  const tools = [{ name: "price", description: "The price.", parameters: true }];
  const first = model.complete({ prompt: "how much?", tools });
  assert.equal(first.finish, "tools");
  assert.deepEqual(first.toolCalls.map((one) => ToolCall.read(one)), [{ product: "kettle" }]);
  assert.throws(() => ToolCall.read({ ...call, arguments: "{" }), /^Invalid: price: /);
  const messages = [{ role: "user" as const, parts: ["how much?"] }, Message.said(first), Message.answer(call, "12 EUR")];
  assert.equal(model.complete({ messages }).text, "12");
  const again = scripted.requests[1];
  assert.ok(again !== undefined);
  assert.equal(Request.text(again), "how much?\n12 EUR");
  assert.deepEqual(again.messages.map((one) => one.answers), [undefined, undefined, "1"]);
});

test("agents are called, one at a time", () => {
  const scripted = new Fake().agentWith("finder", (given) => [(given as { product: string }).product, "steel"]);
  const host = scripted.host();
  assert.deepEqual(host.delegate.call<string[]>("finder", { product: "kettle" }), ["kettle", "steel"]);
  assert.deepEqual(scripted.called, [{ agent: "finder", document: { product: "kettle" } }]);
  assert.throws(() => host.delegate.call("x".repeat(65), 1), /^Invalid: agent: /);
  scripted.agentWith("busy", (given) => host.delegate.call("busy", given));
  assert.throws(() => host.delegate.call("busy", 1), Denied);
});

test("how an agent that was called failed is typed", () => {
  const log = { write: () => {}, progress: () => {} };
  const caller = defineAgent({
    name: "caller",
    version: "0.1.0",
    summary: "Asks another.",
    input: true,
    output: true,
    perform(task, host) {
      try {
        return host.delegate.call("finder", task);
      } catch (thrown) {
        if (thrown instanceof Failed) return [thrown.kind, thrown.text];
        throw thrown;
      }
    },
  });
  const failed = (tag: string, val?: string) => ({ tag: "failed", val: { tag, val } });
  for (const [thrown, expected] of [
    [failed("invalid-input", "no"), ["invalid-input", "no"]],
    [failed("retryable", "later"), ["retryable", "later"]],
    [failed("fatal", "never"), ["fatal", "never"]],
    [failed("refused"), ["refused", ""]],
    [failed("limit"), ["limit", ""]],
    [failed("broken"), ["broken", ""]],
  ] as const) {
    const call = () => {
      throw thrown;
    };
    const made = exported(caller, { log, delegate: { call } }) as { perform(task: object): string };
    const told = made.perform({ step: "s", cell: "-", round: 0, input: "1" });
    assert.deepEqual(JSON.parse(told), expected);
  }
  const denied = () => {
    throw { tag: "host", val: { tag: "denied", val: { capability: "delegate" } } };
  };
  const made = exported(caller, { log, delegate: { call: denied } }) as { perform(task: object): string };
  const refused = { tag: "refused", val: { capability: "delegate" } };
  assert.throws(
    () => made.perform({ step: "s", cell: "-", round: 0, input: "1" }),
    (thrown) => (assert.deepEqual(thrown, refused), true),
  );
});

test("the web and artifacts carry UTF-8", () => {
  const body = Uint8Array.from(Buffer.from('{"n":"grün 🌱"}'));
  const scripted = new Fake().web("https://a/", new Response(201, { "X-A": "b" }, body));
  const host = scripted.host();
  const answer = host.http.post("https://a/x", { q: "grün 🌱" });
  assert.deepEqual([answer.isSuccess(), new Response(404, {}, body).isSuccess()], [true, false]);
  assert.deepEqual([answer.status, answer.headers, answer.json()], [201, { "x-a": "b" }, { n: "grün 🌱" }]);
  assert.equal(Buffer.from(scripted.fetched[0]?.body ?? []).toString(), '{"q":"grün 🌱"}');
  assert.equal(host.artifacts.text(host.artifacts.put("grün", "text/plain")), "grün");
  const broken = new Response(200, {}, Uint8Array.from([0xc0, 0x80]));
  assert.throws(() => broken.text(), Invalid);
});

test("what the bindings would trap on is a TypeError with its field, of a fake too", () => {
  const scripted = fake().answerWith("writer", () => "yes").kv().web("", new Response(200, {}, new Uint8Array()));
  scripted.embedWith("embedder", () => [1]).drawWith("painter", () => [new Uint8Array(), "image/png"]);
  const host = scripted.host();
  const odd = (value: unknown) => value as never;
  const [model, painter, brand] = [host.model("writer"), host.model("painter"), host.knowledge("brand")];
  const whole = "a whole number from 0 to 4294967295 is expected, and this is";
  for (const [call, words] of [
    [() => model.complete({ prompt: "x", maxTokens: 333 * 1.4 }), `maxTokens: ${whole} 466.2`],
    [() => model.complete({ prompt: "x", maxTokens: 2 ** 32 }), `maxTokens: ${whole} 4294967296`],
    [() => model.complete({ prompt: "x", temperature: odd("1") }), "temperature: a number is expected, and this is a string"],
    [() => model.complete({ prompt: "x", seed: -1 }), "seed: a whole number from 0 to 9007199254740991 is"],
    [() => model.complete({ prompt: "x", stop: odd([1]) }), "stop[0]: a string is expected, and this is 1"],
    [() => model.complete({ prompt: odd(["x", null]) }), "messages[0].parts[1]: an object is expected, and this is null"],
    [() => model.complete({ messages: [{ role: odd("robot"), parts: [] }] }), "messages[0].role: one of system, user"],
    [() => host.model(odd(undefined)).complete("x"), "alias: a string is expected, and this is undefined"],
    [() => host.model("embedder").embed(odd(["x", 1])), "texts[1]: a string is expected, and this is 1"],
    [() => painter.generateImages({ prompt: "x", width: 64.5, height: 64 }), `width: ${whole} 64.5`],
    [() => brand.search("x", 2.5), `limit: ${whole} 2.5`],
    [() => brand.search("x", NaN), `limit: ${whole} NaN`],
    [() => host.artifacts.put("x", odd(null)), "mediaType: a string is expected, and this is null"],
    [() => host.artifacts.put(odd(undefined), "text/plain"), "content: a Uint8Array is expected, and this is undefined"],
    [() => host.artifacts.get(odd({ digest: "x" })), "artifact.$artifact: a string is expected, and this is undefined"],
    [() => host.kv.get(odd(null)), "key: a string is expected, and this is null"],
    [() => host.kv.list("", { after: odd(1) }), "after: a string is expected, and this is 1"],
    [() => host.http.get("https://a/", { "X-A": odd(1) }), 'headers["X-A"]: a string is expected, and this is 1'],
    [() => host.http.fetch("https://a/", { method: "POST", body: odd(7) }), "body: a Uint8Array is expected, and this is 7"],
    [() => host.delegate.call(odd([]), 1), "agent: a string is expected, and this is a list"],
    [() => host.log.progress(odd("half")), "fraction: a number is expected, and this is a string"],
  ] as const) {
    assert.throws(call, (thrown) => {
      assert.ok(thrown instanceof TypeError && thrown.message.startsWith(words), `${words}: ${String(thrown)}`);
      return true;
    });
  }
  assert.deepEqual([scripted.requests, scripted.fetched], [[], []]);
});

test("half an emoji leaves as a text", () => {
  const [half, whole] = ["tea \ud83d", "tea \ufffd"];
  const scripted = new Fake().answerWith("writer", () => "yes").kv();
  scripted.web("", new Response(200, {}, new Uint8Array())).agentWith("other", (given) => given);
  const about = { name: "cuts", version: "0.1.0", summary: "Cuts.", input: true, output: true } as const;
  const cuts = defineAgent({
    ...about,
    perform(_, host) {
      host.log.info(half);
      host.log.progress(0.5, half);
      host.model("writer").complete({ system: `🍵 ${half}`, prompt: half });
      host.kv.set(half, { [half]: [half] });
      host.http.fetch("https://a/", { method: "POST", json: half, headers: { "x-note": half } });
      host.delegate.call("other", half);
      return { [half]: half };
    },
  });
  assert.deepEqual(scripted.perform(cuts, 1), { [whole]: whole });
  assert.equal(scripted.lines[0]?.message, whole);
  assert.deepEqual(scripted.progress, [{ fraction: 0.5, note: whole }]);
  assert.deepEqual(scripted.requests[0]?.messages.flatMap((one) => one.parts), [`🍵 ${whole}`, whole]);
  assert.deepEqual(scripted.values, { [whole]: { [whole]: [whole] } });
  assert.equal(Buffer.from(scripted.fetched[0]?.body ?? []).toString(), `"${whole}"`);
  assert.equal(scripted.fetched[0]?.headers["x-note"], whole);
  assert.deepEqual(scripted.called, [{ agent: "other", document: whole }]);
  const fails = defineAgent({
    ...about,
    perform() {
      throw Failure.invalidInput(half);
    },
  });
  assert.deepEqual(failure(() => new Fake().perform(fails, 1)), ["invalid-input", whole]);
});

test("nobody repeats a value of another type", () => {
  const asks = defineAgent({
    name: "asks",
    version: "0.1.0",
    summary: "Asks for half a token.",
    input: true,
    output: true,
    perform: (_, host) => host.model("writer").complete({ prompt: "x", maxTokens: 0.5 }).text,
  });
  const [kind, text] = failure(() => fake().answer("writer", "x").perform(asks, 1));
  assert.equal(kind, "fatal");
  assert.match(text, /^TypeError: maxTokens: /);
});

test("the export speaks the contract's types, and denies what is not in its world", () => {
  const lines: string[] = [];
  const log = { write: (_: string, text: string) => lines.push(text), progress: () => {} };
  const seed = { insecureSeed: () => [12345n, 67890n] };
  const made = exported(slogan, { log, seed }) as {
    profile(): { name: string; inputSchema: string };
    perform(task: object): string;
  };
  assert.equal(made.profile().name, "slogan");
  assert.deepEqual(JSON.parse(made.profile().inputSchema).required, ["product"]);
  const random = Math.random;
  const task = { step: "s", cell: "-", round: 0, input: '{"product":"kettle"}' };
  const refused = { tag: "refused", val: { capability: "knowledge" } };
  assert.throws(() => made.perform(task), (thrown) => (assert.deepEqual(thrown, refused), true));
  assert.match(lines[0] ?? "", /agent.toml does not want knowledge/);
  const drawn = [Math.random(), Math.random()];
  assert.throws(() => made.perform(task));
  assert.deepEqual([Math.random(), Math.random()], drawn, "one seed, one sequence");
  assert.ok(drawn.every((one) => one >= 0 && one < 1) && drawn[0] !== drawn[1]);
  Math.random = random;
});

test("errors of the bindings are typed", () => {
  const log = { write: () => {}, progress: () => {} };
  const search = () => {
    throw { tag: "exhausted", val: "rate" };
  };
  const made = exported(slogan, { log, knowledge: { search } }) as { perform(task: object): string };
  const task = { step: "s", cell: "-", round: 0, input: '{"product":"kettle"}' };
  const expected = { tag: "retryable", val: "the limit on rate is spent" };
  assert.throws(() => made.perform(task), (thrown) => (assert.deepEqual(thrown, expected), true));
});
