/** A scripted host, so that an agent is tested in plain Node; knows nothing of the real one. */

import { type Agent } from "./agent.ts";
import { type CallError, Denied, Exhausted, Invalid, type Limit, Unavailable, clip } from "./failure.ts";
import { Host, type Passage, Response, type Task } from "./host.ts";
import { type Artifact, type Json, type Schema, type TypeOf, textOf } from "./json.ts";
import type { Completion, Embedding, Picture, Request, ToolCall } from "./model.ts";
import type { Header, Level, Powers } from "./powers.ts";

/** Kept of one log line, in bytes, and lines of one attempt: the contract's. */
const LINE_BYTES_MAX = 4 * 1024;
const LINES_MAX = 1_000;
/** The name of an agent that is called, and what it is given, in letters: the contract's. */
const AGENT_LENGTH_MAX = 64;
const DOCUMENT_LENGTH_MAX = 4 * 1024 * 1024;

export type Capability = "model" | "knowledge" | "artifacts" | "http" | "kv" | "delegate";

/** Text, a value for `answer`, calls to tools, or an error. */
export type Reply = string | { [key: string]: unknown } | unknown[] | { toolCalls: ToolCall[] } | Error;

export interface Fetched {
  method: string;
  url: string;
  headers: Record<string, string>;
  body: Uint8Array;
}

/**
 * A host that answers by script, and denies what no script was given for.
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

  /** One task as the host gives it: JSON in, JSON out. Throws `Failure`. */
  perform<I extends Schema, O extends Schema>(agent: Agent<I, O>, input: unknown): TypeOf<O> {
    return JSON.parse(agent.run(JSON.stringify(input), this.host()));
  }

  // What the agent calls, through `Host`.

  write(level: Level, message: string): void {
    if (this.lines.length < LINES_MAX) this.lines.push({ level, message: clip(message, LINE_BYTES_MAX) });
  }

  report(fraction: number, note: string): void {
    this.progress.push({ fraction, note: clip(note, 256) });
  }

  complete(request: Request): Completion {
    this.admit("model");
    const queue = this.replies.get(request.alias);
    const script = this.scripts.get(request.alias);
    if (queue === undefined && script === undefined) throw new Denied("model");
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
    return { vectors: texts.map(script), usage: { inputTokens: 0, outputTokens: 0 }, model: "fake" };
  }

  generateImages(alias: string, picture: Picture): Artifact[] {
    this.admit("model");
    const script = this.painters.get(alias);
    if (script === undefined) throw new Denied("model");
    const within = (side: number) => side >= 64 && side <= 4096;
    ensure(within(picture.width) && within(picture.height), "width, height");
    const count = picture.count ?? 1;
    ensure(count >= 1 && count <= 4, "count");
    return Array.from({ length: count }, () => this.artifact(...script(picture.prompt)));
  }

  search(collection: string, query: string, limit: number): ReturnType<Powers["search"]> {
    this.admit("knowledge");
    const shelf = this.shelves.get(collection);
    if (shelf === undefined) throw new Denied("knowledge");
    ensure(limit >= 1 && limit <= 50, "limit");
    const words = new Set(query.toLowerCase().split(/\s+/));
    const score = (text: string) => [...words].filter((word) => text.toLowerCase().includes(word)).length;
    return shelf
      .map((one) => ({ ...one, score: score(one.text), metadata: JSON.stringify(one.metadata) }))
      .filter((one) => one.score > 0)
      .sort((one, other) => other.score - one.score)
      .slice(0, limit);
  }

  put(bytes: Uint8Array, mediaType: string, name: string | null): Artifact {
    this.admit("artifacts");
    ensure(name === null || (name.length <= 255 && !name.includes("/")), "name");
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
    ensure(!["GET", "HEAD"].includes(request.method) || request.body.length === 0, "body");
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
    const value = this.namespace(key)[key];
    return value === undefined ? null : JSON.stringify(value);
  }

  kvSet(key: string, value: string): void {
    ensure(value.length <= 256 * 1024, "value");
    this.namespace(key)[key] = JSON.parse(value);
  }

  kvDelete(key: string): void {
    delete this.namespace(key)[key];
  }

  kvList(prefix: string, after: string | null, limit: number): string[] {
    ensure(limit >= 1 && limit <= 1000, "limit");
    const keys = Object.keys(this.namespace("-")).sort();
    return keys.filter((key) => key.startsWith(prefix) && (after === null || key > after)).slice(0, limit);
  }

  kvSwap(key: string, expected: string | null, value: string | null): boolean {
    const held = this.kvGet(key);
    if (held === null ? expected !== null : expected === null || !same(JSON.parse(held), JSON.parse(expected))) {
      return false;
    }
    if (value === null) this.kvDelete(key);
    else this.kvSet(key, value);
    return true;
  }

  delegate(agent: string, document: string): string {
    this.admit("delegate");
    ensure(agent.length >= 1 && agent.length <= AGENT_LENGTH_MAX, "agent");
    ensure(document.length <= DOCUMENT_LENGTH_MAX, "input");
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
    ensure(key.length >= 1 && key.length <= 256, "key");
    return this.values;
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
    keys.every((key) => key in right && same(left[key] as Json, right[key] as Json))
  );
}

/** Answers `Invalid` as the host would, with the field in front. */
function ensure(holds: boolean, field: string): void {
  if (!holds) throw new Invalid(`${field}: out of the contract's bounds`);
}
