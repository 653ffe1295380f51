/**
 * What an agent hands to the host, held to the contract's types before it leaves; knows neither
 * bindings nor fakes.
 *
 * The bindings trap on a value of another type, and a trap is taken for something passing: here
 * it is a `TypeError` with the field, a fault of the agent that nobody repeats. Texts are made
 * well formed: half an emoji is no fault worth an attempt.
 */

import type { Artifact } from "./json.ts";
import type { Completion, Embedding, Message, Picture, Request, ToolCall } from "./model.ts";
import type { Level, Powers } from "./powers.ts";
import { wellFormed } from "./utf8.ts";

/** What the contract counts in: sides of pictures, passages, tokens. */
const U32_MAX = 2 ** 32 - 1;
const ROLES = ["system", "user", "assistant", "tool"] as const;

type Check<T> = (field: string, value: unknown) => T;

/**
 * `Powers` that let through what the contract has a type for. Every method throws `TypeError`
 * with the field of what is of another type.
 */
export class Border implements Powers {
  constructor(private readonly powers: Powers) {}

  write(level: Level, message: string): void {
    this.powers.write(level, text("message", message));
  }

  report(fraction: number, note: string): void {
    this.powers.report(number("fraction", fraction), text("note", note));
  }

  complete(request: Request): Completion {
    return this.powers.complete({
      alias: text("alias", request.alias),
      messages: list(message)("messages", request.messages),
      maxTokens: optional(u32)("maxTokens", request.maxTokens),
      temperature: optional(number)("temperature", request.temperature),
      seed: optional(seed)("seed", request.seed),
      stop: list(text)("stop", request.stop),
      outputSchema: optional(text)("outputSchema", request.outputSchema),
      tools: list(tool)("tools", request.tools),
    });
  }

  embed(alias: string, texts: string[]): Embedding {
    return this.powers.embed(text("alias", alias), list(text)("texts", texts));
  }

  generateImages(alias: string, picture: Picture): Artifact[] {
    const { count, seed: drawn } = picture;
    return this.powers.generateImages(text("alias", alias), {
      prompt: text("prompt", picture.prompt),
      width: u32("width", picture.width),
      height: u32("height", picture.height),
      ...(count == null ? {} : { count: u32("count", count) }),
      ...(drawn == null ? {} : { seed: seed("seed", drawn) }),
    });
  }

  search(collection: string, query: string, limit: number): ReturnType<Powers["search"]> {
    return this.powers.search(text("collection", collection), text("query", query), u32("limit", limit));
  }

  put(bytes: Uint8Array, mediaType: string, name: string | null): Artifact {
    const named = optional(text)("name", name);
    return this.powers.put(octets("content", bytes), text("mediaType", mediaType), named);
  }

  get(artifact: Artifact): Uint8Array {
    return this.powers.get(reference("artifact", artifact));
  }

  fetch(request: Parameters<Powers["fetch"]>[0]): ReturnType<Powers["fetch"]> {
    return this.powers.fetch({
      method: text("method", request.method),
      url: text("url", request.url),
      headers: request.headers.map(({ name, value }) => ({
        name: text("headers", name),
        value: text(`headers[${JSON.stringify(name)}]`, value),
      })),
      body: octets("body", request.body),
    });
  }

  kvGet(key: string): string | null {
    return this.powers.kvGet(text("key", key));
  }

  kvSet(key: string, value: string): void {
    this.powers.kvSet(text("key", key), text("value", value));
  }

  kvDelete(key: string): void {
    this.powers.kvDelete(text("key", key));
  }

  kvList(prefix: string, after: string | null, limit: number): string[] {
    return this.powers.kvList(text("prefix", prefix), optional(text)("after", after), u32("limit", limit));
  }

  kvSwap(key: string, expected: string | null, value: string | null): boolean {
    const [old, next] = [optional(text)("expected", expected), optional(text)("value", value)];
    return this.powers.kvSwap(text("key", key), old, next);
  }

  delegate(agent: string, document: string): string {
    return this.powers.delegate(text("agent", agent), text("document", document));
  }
}

function text(field: string, value: unknown): string {
  if (typeof value !== "string") throw wrong(field, "a string", value);
  return wellFormed(value);
}

function number(field: string, value: unknown): number {
  if (typeof value !== "number") throw wrong(field, "a number", value);
  return value;
}

function u32(field: string, value: unknown): number {
  return whole(field, value, U32_MAX);
}

/** The contract has 64 bits, a `number` 53 of them. */
function seed(field: string, value: unknown): number {
  return whole(field, value, Number.MAX_SAFE_INTEGER);
}

function whole(field: string, value: unknown, most: number): number {
  if (!Number.isInteger(value) || (value as number) < 0 || (value as number) > most) {
    throw wrong(field, `a whole number from 0 to ${most}`, value);
  }
  return value as number;
}

function octets(field: string, value: unknown): Uint8Array {
  if (!(value instanceof Uint8Array)) throw wrong(field, "a Uint8Array", value);
  return value;
}

function optional<T>(check: Check<T>): Check<T | null> {
  return (field, value) => (value == null ? null : check(field, value));
}

function list<T>(check: Check<T>): Check<T[]> {
  return (field, value) => {
    if (!Array.isArray(value)) throw wrong(field, "a list", value);
    return value.map((one, at) => check(`${field}[${at}]`, one));
  };
}

function object(field: string, value: unknown): Record<string, unknown> {
  if (typeof value !== "object" || value === null) throw wrong(field, "an object", value);
  return value as Record<string, unknown>;
}

function message(field: string, value: unknown): Message {
  const { role, parts, toolCalls, answers } = object(field, value);
  if (!ROLES.includes(role as Message["role"])) {
    throw wrong(`${field}.role`, `one of ${ROLES.join(", ")}`, role);
  }
  const part = (at: string, one: unknown) => (typeof one === "object" ? reference(at, one) : text(at, one));
  return {
    role: role as Message["role"],
    parts: list<string | Artifact>(part)(`${field}.parts`, parts),
    ...(toolCalls == null ? {} : { toolCalls: list(toolCall)(`${field}.toolCalls`, toolCalls) }),
    ...(answers == null ? {} : { answers: text(`${field}.answers`, answers) }),
  };
}

function toolCall(field: string, value: unknown): ToolCall {
  const one = object(field, value);
  return {
    id: text(`${field}.id`, one.id),
    name: text(`${field}.name`, one.name),
    arguments: text(`${field}.arguments`, one.arguments),
  };
}

function tool(field: string, value: unknown): Request["tools"][number] {
  const one = object(field, value);
  return {
    name: text(`${field}.name`, one.name),
    description: text(`${field}.description`, one.description),
    parameters: text(`${field}.parameters`, one.parameters),
  };
}

function reference(field: string, value: unknown): Artifact {
  const one = object(field, value);
  const bytes = (at: string, size: unknown) => whole(at, size, Number.MAX_SAFE_INTEGER);
  return {
    $artifact: text(`${field}.$artifact`, one.$artifact),
    ...(one.media_type == null ? {} : { media_type: text(`${field}.media_type`, one.media_type) }),
    ...(one.bytes == null ? {} : { bytes: bytes(`${field}.bytes`, one.bytes) }),
    ...(one.name == null ? {} : { name: text(`${field}.name`, one.name) }),
  };
}

function wrong(field: string, wanted: string, value: unknown): TypeError {
  return new TypeError(`${field}: ${wanted} is expected, and this is ${kindOf(value)}`);
}

function kindOf(value: unknown): string {
  if (value === null || value === undefined || typeof value === "number") return String(value);
  if (Array.isArray(value)) return "a list";
  return typeof value === "object" ? "an object" : `a ${typeof value}`;
}
