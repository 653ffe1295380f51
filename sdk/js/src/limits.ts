/**
 * The contract's bounds on what an agent hands over: the host holds to them, and so does the
 * fake, so that a test runs into them first.
 */

import { Invalid } from "./failure.ts";
import type { Request } from "./model.ts";
import type { Header } from "./powers.ts";
import { byteLength } from "./utf8.ts";

/** One log line that is kept, in bytes, and the lines of one attempt. */
export const LINE_BYTES_MAX = 4 * 1024;
export const LINES_MAX = 1_000;
/** The note beside a progress, in bytes. */
export const NOTE_BYTES_MAX = 256;
/** Messages of one request, parts and calls of one message, and one text in bytes. */
const MESSAGES_MAX = 256;
const PARTS_MAX = 64;
const TOOL_CALLS_MAX = 64;
const TEXT_BYTES_MAX = 1024 * 1024;
/** The highest temperature. */
const TEMPERATURE_MAX = 2;
/** Words that end an answer, and one of them in bytes. */
const STOPS_MAX = 16;
const STOP_BYTES_MAX = 256;
/** Tools of one request, and one JSON Schema in bytes. */
const TOOLS_MAX = 32;
const SCHEMA_BYTES_MAX = 64 * 1024;
/** Texts of one embedding call, and one of them in bytes. */
export const EMBED_TEXTS_MAX = 256;
export const EMBED_TEXT_BYTES_MAX = 64 * 1024;
/** An image: its prompt in bytes, its sides in pixels, and how many. */
export const PROMPT_BYTES_MAX = 32 * 1024;
export const IMAGE_SIDE = [64, 4_096] as const;
export const IMAGES = [1, 4] as const;
/** Words of a search in bytes, and its passages. */
export const QUERY_BYTES_MAX = 1024;
export const PASSAGES = [1, 50] as const;
/** A key and a value in bytes, and the keys of one list. */
export const KEY_BYTES_MAX = 256;
export const VALUE_BYTES_MAX = 256 * 1024;
export const KEYS = [1, 1_000] as const;
/** An artifact's name and its media type in bytes. */
export const NAME_BYTES_MAX = 255;
export const MEDIA_TYPE_BYTES_MAX = 127;
/** A request to the web: its methods, its URL and its body in bytes, its headers. */
export const METHODS = ["GET", "HEAD", "OPTIONS", "POST", "PUT", "PATCH", "DELETE"];
export const URL_BYTES_MAX = 8 * 1024;
const HEADERS_MAX = 128;
export const BODY_BYTES_MAX = 4 * 1024 * 1024;
/** The name of an agent that is called, and one document, in bytes. */
export const AGENT_BYTES_MAX = 64;
export const DOCUMENT_BYTES_MAX = 4 * 1024 * 1024;

/** Answers `Invalid` as the host would, with the field in front. */
export function ensure(holds: boolean, field: string): void {
  if (!holds) throw new Invalid(`${field}: out of the contract's bounds`);
}

/** Whether a number, or the bytes of a text, are from the least to the most. */
export function within([least, most]: readonly [number, number], value: number | string): boolean {
  const size = typeof value === "string" ? byteLength(value) : value;
  return size >= least && size <= most;
}

/** Throws `Invalid` for a question to a model that no host takes. */
export function checkRequest(request: Request): void {
  ensure(within([1, MESSAGES_MAX], request.messages.length), "messages");
  for (const { parts, toolCalls = [] } of request.messages) {
    ensure(parts.length <= PARTS_MAX, "parts");
    ensure(toolCalls.length <= TOOL_CALLS_MAX, "tool-calls");
    const texts = parts.filter((part) => typeof part === "string");
    ensure(texts.every((text) => within([0, TEXT_BYTES_MAX], text)), "text");
  }
  ensure(within([0, TEMPERATURE_MAX], request.temperature ?? 0), "temperature");
  ensure(request.maxTokens !== 0, "max-tokens");
  const stops = request.stop.every((stop) => within([1, STOP_BYTES_MAX], stop));
  ensure(stops && request.stop.length <= STOPS_MAX, "stop");
  ensure(within([0, SCHEMA_BYTES_MAX], request.outputSchema ?? ""), "output-schema");
  const tools = request.tools.every(
    ({ name, parameters }) => /^[a-zA-Z0-9_-]{1,64}$/.test(name) && within([0, SCHEMA_BYTES_MAX], parameters),
  );
  ensure(tools && request.tools.length <= TOOLS_MAX, "tools");
}

/** Throws `Invalid` for a key that no namespace has. */
export function checkKey(key: string): void {
  ensure(within([1, KEY_BYTES_MAX], key) && !/\p{Cc}/u.test(key), "key");
}

/** Throws `Invalid` where one stands twice, whatever the case of its name. */
export function checkHeaders(headers: Header[]): void {
  const names = new Set(headers.map(({ name }) => name.toLowerCase()));
  ensure(names.size === headers.length && names.size <= HEADERS_MAX, "headers");
}
