/** Documents and their schemas; types from schemas are the compiler's work. Knows no host. */

import { wellFormed } from "./utf8.ts";

/** A JSON value. */
export type Json = null | boolean | number | string | Json[] | { [key: string]: Json };

/** A JSON Schema (2020-12) as a literal: write `as const` behind it, or hand it to `defineAgent`. */
export type Schema = boolean | { readonly [keyword: string]: unknown };

/**
 * The TypeScript type of what a schema allows, by `const`, `enum`, `type`, `properties`,
 * `required`, `additionalProperties`, `items`, `anyOf` and `oneOf`. What other keywords demand
 * the host checks; `$ref` is `unknown` here.
 */
export type TypeOf<S> = S extends { readonly const: infer C }
  ? C
  : S extends { readonly enum: readonly (infer E)[] }
    ? E
    : S extends { readonly anyOf: readonly (infer One)[] }
      ? TypeOf<One>
      : S extends { readonly oneOf: readonly (infer One)[] }
        ? TypeOf<One>
        : S extends { readonly type: readonly (infer T)[] }
          ? OfType<T, S>
          : S extends { readonly type: infer T }
            ? OfType<T, S>
            : unknown;

type OfType<T, S> = T extends "string"
  ? string
  : T extends "number" | "integer"
    ? number
    : T extends "boolean"
      ? boolean
      : T extends "null"
        ? null
        : T extends "array"
          ? S extends { readonly items: infer I }
            ? TypeOf<I>[]
            : unknown[]
          : T extends "object"
            ? Flat<Properties<S> & Others<S>>
            : never;

type Properties<S> = S extends { readonly properties: infer P }
  ? { -readonly [K in keyof P as K extends Required<S> ? K : never]: TypeOf<P[K]> } & {
      -readonly [K in keyof P as K extends Required<S> ? never : K]?: TypeOf<P[K]>
    }
  : unknown;

type Required<S> = S extends { readonly required: readonly (infer R)[] } ? R : never;

type Others<S> = S extends { readonly additionalProperties: false }
  ? unknown
  : S extends { readonly properties: unknown }
    ? unknown
    : S extends { readonly additionalProperties: infer A }
      ? { [key: string]: TypeOf<A> }
      : { [key: string]: unknown };

/** One object instead of an intersection: what editors show. */
type Flat<T> = { [K in keyof T]: T[K] };

/**
 * A reference to bytes that the host keeps. Only the host makes one: they come with the
 * input, from `host.artifacts.put` and from image models.
 */
export interface Artifact {
  $artifact: string;
  media_type?: string;
  /** The size of the content in bytes. */
  bytes?: number;
  /** For people, never a path. */
  name?: string | null;
}

/** The schema of an artifact, to be put where one belongs. */
export const ARTIFACT = {
  type: "object",
  description: "A reference to bytes that the host keeps.",
  properties: {
    $artifact: { type: "string", pattern: "^blake3:[0-9a-f]{64}$" },
    media_type: { type: "string" },
    bytes: { type: "integer", minimum: 0 },
    name: { type: ["string", "null"] },
  },
  required: ["$artifact"],
} as const satisfies Schema;

/** The text of a document. Throws `TypeError` with the path of what has no form in JSON. */
export function textOf(value: unknown): string {
  return JSON.stringify(checked(value, ""));
}

// `JSON.stringify` would leave out functions and make null of NaN: a lost value, silently.
function checked(value: unknown, path: string): unknown {
  const wrong = (what: string) => new TypeError(`${path || "value"}: ${what} has no form in JSON`);
  switch (typeof value) {
    case "string":
      return wellFormed(value);
    case "boolean":
      return value;
    case "number":
      if (Number.isFinite(value)) return value;
      throw wrong(String(value));
    case "object":
      if (value === null) return null;
      if (Array.isArray(value)) return value.map((one, at) => checked(one, `${path}[${at}]`));
      if (value instanceof Map || value instanceof Set || value instanceof Promise) {
        throw wrong(`a ${value.constructor.name}`);
      }
      if (typeof (value as { toJSON?: unknown }).toJSON === "function") {
        return checked((value as { toJSON(): unknown }).toJSON(), path);
      }
      return Object.fromEntries(
        Object.entries(value)
          .filter(([, one]) => one !== undefined)
          .map(([key, one]) => [wellFormed(key), checked(one, path ? `${path}.${key}` : key)]),
      );
    default:
      throw wrong(typeof value);
  }
}
