/** The definition of an agent, and one call of it with JSON; knows no bindings. */

import { Failure, TEXT_BYTES_MAX, clip } from "./failure.ts";
import type { Host } from "./host.ts";
import { type Schema, type TypeOf, textOf } from "./json.ts";
import { byteLength } from "./utf8.ts";

/** Of the contract: a longer summary is refused at admission. */
const SUMMARY_BYTES_MAX = 1024;

/** What an author says. Types of `task` and of the result are those of the schemas. */
export interface Definition<I extends Schema, O extends Schema> {
  /** `[a-z][a-z0-9_-]*`, at most 64 long. */
  name: string;
  /** A semantic version. */
  version: string;
  /** One sentence for operators, at most 1 KiB. */
  summary: string;
  input: I;
  output: O;
  /** One piece of work, in straight-line code: the host suspends it, so nothing is awaited. */
  perform(task: TypeOf<I>, host: Host): TypeOf<O>;
}

/** An agent. `run` is one task as the host gives it; `perform` stays the function that it was. */
export interface Agent<I extends Schema = Schema, O extends Schema = Schema> extends Definition<I, O> {
  /** JSON text in, JSON text out. Whatever goes wrong is thrown as a `Failure`. */
  run(input: string, host: Host): string;
}

/** Makes an agent of its definition. Throws `TypeError` with all that is wrong with it. */
export function defineAgent<const I extends Schema, const O extends Schema>(
  definition: Definition<I, O>,
): Agent<I, O> {
  const wrong: string[] = [];
  if (!/^[a-z][a-z0-9_-]{0,63}$/.test(definition.name)) {
    wrong.push(`the name ${JSON.stringify(definition.name)} is not of the form [a-z][a-z0-9_-]*`);
  }
  if (!/^\d+\.\d+\.\d+([-+][0-9A-Za-z.+-]+)?$/.test(definition.version)) {
    wrong.push(`the version ${JSON.stringify(definition.version)} is no semantic version`);
  }
  if (!definition.summary?.trim()) wrong.push("summary is empty; it is what operators read");
  if (byteLength(definition.summary ?? "") > SUMMARY_BYTES_MAX) wrong.push("summary has more than 1 KiB");
  if (typeof definition.perform !== "function") wrong.push("perform is no function");
  if (wrong.length > 0) {
    throw new TypeError(`this is no agent:${wrong.map((one) => `\n  - ${one}`).join("")}`);
  }
  return { ...definition, run: (input, host) => run(definition, input, host) };
}

function run<I extends Schema, O extends Schema>(
  definition: Definition<I, O>,
  input: string,
  host: Host,
): string {
  try {
    const result: unknown = definition.perform(task(input) as TypeOf<I>, host);
    if (result instanceof Promise) {
      throw new TypeError("perform returned a promise; an agent is straight-line code");
    }
    return textOf(result);
  } catch (thrown) {
    const failure = Failure.of(thrown);
    if (failure.kind === "fatal" && failure !== thrown && thrown instanceof Error) {
      // The failure has one line; where it came from is for the log.
      host.log.error(`${thrown.name}: ${thrown.message}\n${thrown.stack ?? ""}`);
    }
    throw new Failure(failure.kind, clip(failure.text, TEXT_BYTES_MAX));
  }
}

function task(input: string): unknown {
  try {
    return JSON.parse(input);
  } catch (error) {
    throw Failure.invalidInput(error);
  }
}
