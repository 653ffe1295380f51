/** A scripted host, so that an agent is tested in plain Node; knows nothing of the real one. */

import { type Agent } from "./agent.ts";
import { type CallError, Denied, Exhausted, Failure, type Limit, Unavailable, clip } from "./failure.ts";
import { Host, type Passage, Response, type Task } from "./host.ts";
import { type Artifact, type Json, type Schema, type TypeOf, textOf } from "./json.ts";
import * as limits from "./limits.ts";
import { ensure, within } from "./limits.ts";
import type { Completion, Embedding, Picture, Request, ToolCall } from "./model.ts";
import type { Header, Level, Powers } from "./powers.ts";

export type Capability = "model" | "knowledge" | "artifacts" | "http" | "kv" | "delegate";

/** Text (for `answer` the document itself), any other value, calls to tools, or an error. */
export type Reply = string | { [key: string]: unknown } | unknown[] | { toolCalls: ToolCall[] } | Error;

export interface Fetched {
  method: string;
  url: string;
  headers: Record<string, string>;
  body: Uint8Array;
}

/**
 * A host that answers by script, and denies what no script was given for, as the real one denies
 * what was not granted. It holds to the bounds of the contract.
 *
 *     const fake = new Fake().answer("writer", { text: "Tea, now." });
 *     assert.deepEqual(fake.perform(slogan, { product: "kettle" }), { text: "Tea, now." });
 */
export class Fake implements Powers {
  readonly lines: { level: Level; message: string }[] = [];
  readonly progress: { fraction: number; note: string }[] = [];
  readonly requests: Request[] = [];
  readonly fetched: Fetched[] = [];
  /** Which agents were called, and with what. */
  readonly called: { agent: string; document: Json }[] = [];
  /** What the namespace holds now; nothing is granted where it is `undefined`. */
  values: Record<string, Json> | undefined;

  private readonly replies = new Map<string, Reply[]>();
  private readonly scripts = new Map<string, (request: Request) => Reply>();
  private readonly embedders = new Map<string, (text: string) => number[]>();
  private readonly painters = new Map<string, (prompt: string) => [Uint8Array, string]>();
  private readonly shelves = new Map<string, Passage[]>();
  private readonly sites: [string, (request: Fetched) => Response][] = [];
  private readonly agents = new Map<string, (document: Json) => unknown>();
  private readonly kept = new Map<string, Uint8Array>();
  private readonly fates = new Map<Capability, { calls: number; then: CallError }>();
  private place: Task = { step: "test", cell: "-", round: 0 };

  // What a test sets up.

  /** What `host.task` says. */
  task(step: string, cell = "-", round = 0): this {
    this.place = { step, cell, round };
    return this;
  }

  /** The next answers of a model; after the last a call is `Exhausted("calls")`. */
  answer(alias: string, ...replies: Reply[]): this {
    this.replies.set(alias, [...(this.replies.get(alias) ?? []), ...replies]);
    return this;
  }

  /** All further answers of a model, once its queue is empty. */
  answerWith(alias: string, script: (request: Request) => Reply): this {
    this.scripts.set(alias, script);
    return this;
  }

  embedWith(alias: string, script: (text: string) => number[]): this {
    this.embedders.set(alias, script);
    return this;
  }

  /** Makes an alias draw: the script returns bytes and media type for a prompt. */
  drawWith(alias: string, script: (prompt: string) => [Uint8Array, string]): this {
    this.painters.set(alias, script);
    return this;
  }

  /** Grants a collection. A search finds what has one of its words, most words first. */
  knowledge(collection: string, passages: (string | Passage)[]): this {
    const shelf = this.shelves.get(collection) ?? [];
    for (const one of passages) {
      const document = `passage-${shelf.length}`;
      shelf.push(typeof one === "string" ? { document, text: one, score: 0, metadata: {} } : one);
    }
    this.shelves.set(collection, shelf);
    return this;
  }

  /** Grants requests whose URL begins so. */
  web(beginning: string, answer: Response | ((request: Fetched) => Response)): this {
    this.sites.push([beginning, typeof answer === "function" ? answer : () => answer]);
    return this;
  }

  /** Grants a namespace that holds these values. */
  kv(values: Record<string, Json> = {}): this {
    this.values = { ...this.values, ...values };
    return this;
  }

  /** Grants calls of an agent: the script returns its output, or throws `Failed`. */
  agentWith(agent: string, script: (document: Json) => unknown): this {
    this.agents.set(agent, script);
    return this;
  }

  /** Mints a reference that the agent may read, as for a file that its input names. */
  artifact(content: Uint8Array, mediaType: string, name?: string | null): Artifact {
    // As wide as a digest; what it is made of is the host's matter.
    const $artifact = `blake3:${(this.kept.size + 1).toString(16).padStart(64, "0")}`;
    this.kept.set($artifact, content);
    const named = name == null ? {} : { name };
    return { $artifact, media_type: mediaType, bytes: content.length, ...named };
  }

  /** Denies every call of a capability. */
  deny(capability: Capability): this {
    return this.fate(capability, 0, new Denied(capability));
  }

  /** Lets some calls through, then answers that a limit is spent. */
  exhaust(capability: Capability, limit: Limit, afterCalls = 0): this {
    return this.fate(capability, afterCalls, new Exhausted(limit));
  }

  /** Lets some calls through, then answers that the provider is gone. */
  unavailable(capability: Capability, afterCalls = 0): this {
    return this.fate(capability, afterCalls, new Unavailable());
  }

  // What a test calls.

  /** The host to call the agent's function with. */
  host(): Host {
    return new Host(this.place, this);
  }

  /**
   * One task as the host gives it: JSON in, JSON out. Throws `Failure`. A reference that this fake
   * did not mint is refused in both, as the host would.
   */
  perform<I extends Schema, O extends Schema>(agent: Agent<I, O>, input: unknown): TypeOf<O> {
    this.refuseForeign(input);
    const text = agent.run(JSON.stringify(input), this.host());
    if (!within([0, limits.DOCUMENT_BYTES_MAX], text)) throw Failure.fatal("the output is larger than 4 MiB");
    const output = JSON.parse(text);
    this.refuseForeign(output);
    return output;
  }

  // What the agent calls, through `Host`.

  write(level: Level, message: string): void {
    if (this.lines.length >= limits.LINES_MAX) return;
    this.lines.push({ level, message: clip(message, limits.LINE_BYTES_MAX) });
  }

  report(fraction: number, note: string): void {
    this.progress.push({ fraction, note: clip(note, limits.NOTE_BYTES_MAX) });
  }

  complete(request: Request): Completion {
    this.admit("model");
    const queue = this.replies.get(request.alias);
    const script = this.scripts.get(request.alias);
    if (queue === undefined && script === undefined) throw new Denied("model");
    limits.checkRequest(request);
    for (const part of request.messages.flatMap((message) => message.parts)) {
      if (typeof part !== "string" && !this.kept.has(part.$artifact)) throw new Denied("artifacts");
    }
    this.requests.push(request);
    const reply = queue?.shift() ?? script?.(request);
    if (reply === undefined) throw new Exhausted("calls");
    if (reply instanceof Error) throw reply;
    const toolCalls = calls(reply);
    const text = toolCalls.length > 0 ? "" : typeof reply === "string" ? reply : JSON.stringify(reply);
    const usage = { inputTokens: 0, outputTokens: text.length };
    return { text, toolCalls, finish: toolCalls.length > 0 ? "tools" : "stop", usage, model: "fake" };
  }

  embed(alias: string, texts: string[]): Embedding {
    this.admit("model");
    const script = this.embedders.get(alias);
    if (script === undefined) throw new Denied("model");
    const sized = texts.every((text) => within([0, limits.EMBED_TEXT_BYTES_MAX], text));
    ensure(sized && texts.length <= limits.EMBED_TEXTS_MAX, "texts");
    return { vectors: texts.map(script), usage: { inputTokens: 0, outputTokens: 0 }, model: "fake" };
  }

  generateImages(alias: string, picture: Picture): Artifact[] {
    this.admit("model");
    const script = this.painters.get(alias);
    if (script === undefined) throw new Denied("model");
    ensure(within([0, limits.PROMPT_BYTES_MAX], picture.prompt), "prompt");
    ensure(within(limits.IMAGE_SIDE, picture.width), "width");
    ensure(within(limits.IMAGE_SIDE, picture.height), "height");
    const count = picture.count ?? 1;
    ensure(within(limits.IMAGES, count), "count");
    return Array.from({ length: count }, () => this.artifact(...script(picture.prompt)));
  }

  search(collection: string, query: string, limit: number): ReturnType<Powers["search"]> {
    this.admit("knowledge");
    ensure(within([0, limits.QUERY_BYTES_MAX], query), "query");
    ensure(within(limits.PASSAGES, limit), "limit");
    const shelf = this.shelves.get(collection);
    if (shelf === undefined) throw new Denied("knowledge");
    const asked = words(query);
    const score = (text: string) => {
      const there = new Set(words(text));
      return asked.filter((word) => there.has(word)).length;
    };
    // Stable: passages with as many words stay in the script's order.
    return shelf
      .map((one) => ({ ...one, score: score(one.text), metadata: JSON.stringify(one.metadata) }))
      .filter((one) => one.score > 0)
      .sort((one, other) => other.score - one.score)
      .slice(0, limit);
  }

  put(bytes: Uint8Array, mediaType: string, name: string | null): Artifact {
    this.admit("artifacts");
    ensure(within([1, limits.MEDIA_TYPE_BYTES_MAX], mediaType) && mediaType.includes("/"), "media-type");
    ensure(name === null || (within([1, limits.NAME_BYTES_MAX], name) && !name.includes("/")), "name");
    return this.artifact(bytes, mediaType, name);
  }

  get(artifact: Artifact): Uint8Array {
    this.admit("artifacts");
    const bytes = this.kept.get(artifact.$artifact);
    if (bytes === undefined) throw new Denied("artifacts");
    return bytes;
  }

  fetch(request: { method: string; url: string; headers: Header[]; body: Uint8Array }): ReturnType<Powers["fetch"]> {
    this.admit("http");
    ensure(limits.METHODS.includes(request.method), "method");
    ensure(within([0, limits.URL_BYTES_MAX], request.url), "url");
    limits.checkHeaders(request.headers);
    const most = ["GET", "HEAD"].includes(request.method) ? 0 : limits.BODY_BYTES_MAX;
    ensure(request.body.length <= most, "body");
    const headers = Object.fromEntries(request.headers.map(({ name, value }) => [name, value]));
    const fetched = { ...request, headers };
    const site = this.sites.find(([beginning]) => request.url.startsWith(beginning));
    if (site === undefined) throw new Denied("http");
    this.fetched.push(fetched);
    const answer = site[1](fetched);
    const listed = Object.entries(answer.headers).map(([name, value]) => ({ name, value }));
    return { status: answer.status, headers: listed, body: answer.body };
  }

  kvGet(key: string): string | null {
    const value = held(this.namespace(key), key);
    return value === undefined ? null : JSON.stringify(value);
  }

  kvSet(key: string, value: string): void {
    put(this.namespace(key), key, value);
  }

  kvDelete(key: string): void {
    put(this.namespace(key), key, null);
  }

  kvList(prefix: string, after: string | null, limit: number): string[] {
    ensure(within([0, limits.KEY_BYTES_MAX], prefix), "prefix");
    ensure(within(limits.KEYS, limit), "limit");
    const keys = Object.keys(this.namespace("-")).sort();
    return keys.filter((key) => key.startsWith(prefix) && (after === null || key > after)).slice(0, limit);
  }

  kvSwap(key: string, expected: string | null, value: string | null): boolean {
    const values = this.namespace(key);
    const is = held(values, key);
    const fits = expected === null || is === undefined ? expected === null && is === undefined : same(is, JSON.parse(expected));
    if (fits) put(values, key, value);
    return fits;
  }

  delegate(agent: string, document: string): string {
    this.admit("delegate");
    ensure(within([1, limits.AGENT_BYTES_MAX], agent), "agent");
    ensure(within([0, limits.DOCUMENT_BYTES_MAX], document), "input");
    const script = this.agents.get(agent);
    if (script === undefined) throw new Denied("delegate");
    const given = JSON.parse(document) as Json;
    this.called.push({ agent, document: given });
    // Taken away while it works: nobody calls who works already.
    this.agents.delete(agent);
    try {
      return textOf(script(given));
    } finally {
      this.agents.set(agent, script);
    }
  }

  private namespace(key: string): Record<string, Json> {
    this.admit("kv");
    if (this.values === undefined) throw new Denied("kv");
    limits.checkKey(key);
    return this.values;
  }

  private refuseForeign(document: unknown): void {
    if (typeof document !== "object" || document === null) return;
    const digest = (document as { $artifact?: unknown }).$artifact;
    if (typeof digest === "string" && !this.kept.has(digest)) throw Failure.fatal(`foreign-artifact: ${digest}`);
    for (const one of Object.values(document)) this.refuseForeign(one);
  }

  private fate(capability: Capability, calls: number, then: CallError): this {
    this.fates.set(capability, { calls, then });
    return this;
  }

  private admit(capability: Capability): void {
    const fate = this.fates.get(capability);
    if (fate === undefined) return;
    if (fate.calls === 0) throw fate.then;
    fate.calls -= 1;
  }
}

function calls(reply: Exclude<Reply, Error>): ToolCall[] {
  const isCalls = typeof reply === "object" && !Array.isArray(reply) && Array.isArray(reply.toolCalls);
  return isCalls ? (reply.toolCalls as ToolCall[]) : [];
}

/** Whether two documents are equal, whatever the order of their keys. */
function same(one: Json, other: Json): boolean {
  if (one === null || other === null || typeof one !== "object" || typeof other !== "object") {
    return one === other;
  }
  if (Array.isArray(one) !== Array.isArray(other)) return false;
  const [left, right] = [one as Record<string, Json>, other as Record<string, Json>];
  const keys = Object.keys(left);
  return (
    keys.length === Object.keys(right).length &&
    keys.every((key) => Object.hasOwn(right, key) && same(left[key] as Json, right[key] as Json))
  );
}

// What an object has from its prototype is no value of a namespace.
function held(values: Record<string, Json>, key: string): Json | undefined {
  return Object.hasOwn(values, key) ? values[key] : undefined;
}

function put(values: Record<string, Json>, key: string, text: string | null): void {
  if (text === null) {
    delete values[key];
    return;
  }
  ensure(within([0, limits.VALUE_BYTES_MAX], text), "value");
  const value = JSON.parse(text) as Json;
  Object.defineProperty(values, key, { value, configurable: true, enumerable: true, writable: true });
}

/** Whole words of letters and digits, as `bailiwick test` and the other SDKs count them. */
function words(text: string): string[] {
  return text.toLowerCase().match(/[\p{Alphabetic}\p{N}]+/gu) ?? [];
}
