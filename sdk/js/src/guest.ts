/**
 * The side of the sandbox: the bindings of the agent's own world as powers, the agent as its
 * export. The only module that knows the bindings. It is handed the interfaces of the agent's
 * own world and imports none: what is not in there is denied.
 */

import type { Agent } from "./agent.ts";
import { Border } from "./border.ts";
import { Denied, Exhausted, Failed, Failure, type Fault, Invalid, type Limit, Unavailable } from "./failure.ts";
import { Host } from "./host.ts";
import { type Artifact, textOf } from "./json.ts";
import type { Completion, Message } from "./model.ts";
import type { Level, Powers } from "./powers.ts";

// The bindings have no types; this module gives them some.
type Interface = any;

/** The interfaces of the agent's own world; `seed` gives two numbers for this attempt. */
export interface Imports {
  log: Interface;
  model?: Interface;
  knowledge?: Interface;
  artifacts?: Interface;
  http?: Interface;
  kv?: Interface;
  delegate?: Interface;
  seed?: Interface;
}

/** What the component exports as `bailiwick:agent/agent`. */
export function exported(agent: unknown, imports: Imports): object {
  const one = required(agent);
  const powers = new Bound(imports);
  giveConsole(new Border(powers));
  // Made while the component is made: a task should not wait for it.
  const about = {
    name: one.name,
    version: one.version,
    summary: one.summary,
    inputSchema: textOf(one.input),
    outputSchema: textOf(one.output),
  };
  return {
    profile: () => about,
    perform(task: { step: string; cell: string; round: number; input: string }): string {
      seedRandom(imports);
      try {
        const { step, cell, round } = task;
        return one.run(task.input, new Host({ step, cell, round }, powers));
      } catch (thrown) {
        const { kind, text } = Failure.of(thrown);
        throw { tag: kind, val: kind === "refused" ? { capability: text } : text };
      }
    },
  };
}

function required(agent: unknown): Agent {
  if (typeof agent === "object" && agent !== null && "run" in agent) return agent as Agent;
  throw new TypeError("the module has to say: export default defineAgent({ … })");
}

/** The imports of the component as `Powers`. */
class Bound implements Powers {
  constructor(private readonly imports: Imports) {}

  write(level: Level, message: string): void {
    this.imports.log.write(level, message);
  }

  report(fraction: number, note: string): void {
    this.imports.log.progress(fraction, note);
  }

  complete(request: Parameters<Powers["complete"]>[0]): Completion {
    const model = this.interface("model");
    const messages = request.messages.map(message);
    return call(() => model.complete({ ...request, messages }));
  }

  embed(alias: string, texts: string[]): ReturnType<Powers["embed"]> {
    const model = this.interface("model");
    const answer = call(() => model.embed(alias, texts));
    return { ...answer, vectors: answer.vectors.map((one: ArrayLike<number>) => Array.from(one)) };
  }

  generateImages(alias: string, picture: Parameters<Powers["generateImages"]>[1]): Artifact[] {
    const model = this.interface("model");
    const request = { count: 1, ...picture, alias, seed: picture.seed ?? null };
    return call(() => model.generateImage(request)).map(artifact);
  }

  search(collection: string, query: string, limit: number): ReturnType<Powers["search"]> {
    const knowledge = this.interface("knowledge");
    return call(() => knowledge.search(collection, query, limit));
  }

  put(bytes: Uint8Array, mediaType: string, name: string | null): Artifact {
    const artifacts = this.interface("artifacts");
    return artifact(call(() => artifacts.put(bytes, mediaType, name)));
  }

  get(one: Artifact): Uint8Array {
    const artifacts = this.interface("artifacts");
    return Uint8Array.from(call(() => artifacts.get(reference(one))));
  }

  fetch(request: Parameters<Powers["fetch"]>[0]): ReturnType<Powers["fetch"]> {
    const http = this.interface("http");
    const answer = call(() => http.fetch(request));
    return { ...answer, body: Uint8Array.from(answer.body) };
  }

  kvGet(key: string): string | null {
    const kv = this.interface("kv");
    return call(() => kv.get(key)) ?? null;
  }

  kvSet(key: string, value: string): void {
    const kv = this.interface("kv");
    call(() => kv.set(key, value));
  }

  kvDelete(key: string): void {
    const kv = this.interface("kv");
    call(() => kv.delete(key));
  }

  kvList(prefix: string, after: string | null, limit: number): string[] {
    const kv = this.interface("kv");
    return call(() => kv.list(prefix, after, limit));
  }

  kvSwap(key: string, expected: string | null, value: string | null): boolean {
    const kv = this.interface("kv");
    return call(() => kv.compareAndSet(key, expected, value));
  }

  delegate(agent: string, document: string): string {
    const delegate = this.interface("delegate");
    return call(() => delegate.call(agent, document));
  }

  private interface(capability: Exclude<keyof Imports, "log" | "seed">): Interface {
    const found = this.imports[capability];
    if (found === undefined) {
      this.write("warn", `agent.toml does not want ${capability}, so it is not in this agent`);
      throw new Denied(capability);
    }
    return found;
  }
}

/** What the bindings throw is the contract's `error`, bare or within an `Error`. */
function call(function_: () => Interface): Interface {
  try {
    return function_();
  } catch (thrown) {
    throw callError(thrown);
  }
}

function callError(thrown: Interface): unknown {
  const error = thrown?.tag === undefined ? (thrown?.payload ?? thrown) : thrown;
  switch (error?.tag) {
    case "denied":
      return new Denied(error.val.capability);
    case "exhausted":
      return new Exhausted(error.val as Limit);
    case "unavailable":
      return new Unavailable();
    case "invalid":
      return new Invalid(error.val);
    // What a call of an agent throws: that it was not called, or how it failed.
    case "host":
      return callError(error.val);
    case "failed":
      return new Failed(error.val.tag as Fault, error.val.val ?? "");
    default:
      // No error of the contract: a fault of this module or of the bindings.
      return thrown;
  }
}

function message(one: Message): Interface {
  return {
    role: one.role,
    parts: one.parts.map((part) =>
      typeof part === "string" ? { tag: "text", val: part } : { tag: "artifact", val: reference(part) },
    ),
    toolCalls: one.toolCalls ?? [],
    answers: one.answers ?? null,
  };
}

function reference(one: Artifact): Interface {
  return {
    digest: one.$artifact,
    mediaType: one.media_type ?? "",
    bytes: one.bytes ?? 0,
    name: one.name ?? null,
  };
}

function artifact(one: Interface): Artifact {
  const named = one.name == null ? {} : { name: one.name as string };
  return { $artifact: one.digest, media_type: one.mediaType, bytes: Number(one.bytes), ...named };
}

/** What authors and libraries print goes to the log: the engine has no `console`. */
function giveConsole(powers: Powers): void {
  const print =
    (level: Level) =>
    (...words: unknown[]): void =>
      powers.write(level, words.map(shown).join(" "));
  const console = { log: print("info"), info: print("info"), debug: print("debug"), trace: print("debug"), warn: print("warn"), error: print("error") };
  (globalThis as Record<string, unknown>).console ??= console;
}

function shown(value: unknown): string {
  if (typeof value === "string") return value;
  if (value instanceof Error) return `${value.name}: ${value.message}`;
  try {
    return JSON.stringify(value) ?? String(value);
  } catch {
    return String(value);
  }
}

/**
 * The engine seeds `Math.random` once, while the component is made: every attempt would draw
 * the same numbers. The host derives a seed for each attempt; from it, sfc32 draws.
 */
function seedRandom(imports: Imports): void {
  const words = imports.seed?.insecureSeed() as [number | bigint, number | bigint] | undefined;
  if (words === undefined) return;
  const half = (one: number | bigint, shift: bigint) => Number((BigInt(one) >> shift) & 0xffffffffn);
  let a = half(words[0], 0n);
  let b = half(words[0], 21n);
  let c = half(words[1], 0n);
  let d = 1;
  const next = (): number => {
    const sum = (((a + b) | 0) + d) | 0;
    d = (d + 1) | 0;
    a = b ^ (b >>> 9);
    b = (c + (c << 3)) | 0;
    c = ((c << 21) | (c >>> 11)) + sum;
    return sum >>> 0;
  };
  for (let warm = 0; warm < 15; warm += 1) next();
  Math.random = () => (next() * 0x200000 + (next() >>> 11)) / 2 ** 53;
}
