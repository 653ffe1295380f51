/** Why an agent has no output, and why a call to the host has no answer; knows no capability. */

import { byteLength, wellFormed } from "./utf8.ts";

/** Text of a failure in bytes, as the contract says: longer ones drown the run's view. */
export const TEXT_BYTES_MAX = 4 * 1024;

export type FailureKind = "invalid-input" | "refused" | "retryable" | "fatal";

/** What ran out. */
export type Limit = "tokens" | "money" | "calls" | "bytes" | "wall" | "rate" | "storage";

/** Why an agent has no output. Throw one of the four; their texts are for the operator. */
export class Failure extends Error {
  constructor(
    readonly kind: FailureKind,
    /** The reason; with `refused` the name of the capability. */
    readonly text: string,
  ) {
    super(`${kind}: ${text}`);
    this.name = "Failure";
  }

  /** The input makes no sense; begin with the path of the field. Not retried. */
  static invalidInput(reason: unknown): Failure {
    return new Failure("invalid-input", words(reason));
  }

  /** A power that the agent cannot do without was denied. Not retried. */
  static refused(capability: string): Failure {
    return new Failure("refused", capability);
  }

  /** Something passing went wrong. Retried as the pipeline says. */
  static retryable(reason: unknown): Failure {
    return new Failure("retryable", words(reason));
  }

  /** Something went wrong that would go wrong again. Not retried. */
  static fatal(reason: unknown): Failure {
    return new Failure("fatal", words(reason));
  }

  /**
   * What an exception that nobody caught means.
   *
   * | thrown | failure | why |
   * |---|---|---|
   * | `Failure` | itself | the author said it |
   * | `Denied` | `refused` | only the operator can change it |
   * | `Unavailable`, `Exhausted("rate")` | `retryable` | it passes |
   * | `Exhausted`, `Invalid` | `fatal` | the same again would end the same |
   * | `Failed` | `retryable` if that is its kind, else `fatal` | as the agent that was called |
   * | anything else | `fatal` with its type and text | it is a fault of the agent |
   */
  static of(thrown: unknown): Failure {
    if (thrown instanceof Failure) return thrown;
    if (thrown instanceof Denied) return Failure.refused(thrown.capability);
    const passing =
      thrown instanceof Unavailable ||
      (thrown instanceof Exhausted && thrown.limit === "rate") ||
      (thrown instanceof Failed && thrown.kind === "retryable");
    if (passing) return Failure.retryable(thrown);
    if (thrown instanceof CallError) return Failure.fatal(thrown);
    if (thrown instanceof Error) return Failure.fatal(`${thrown.name}: ${thrown.message}`);
    return Failure.fatal(`thrown: ${String(thrown)}`);
  }
}

/** Why a call to the host has no answer. Catch it where there is another way. */
export class CallError extends Error {}

/** Not granted. Asking again will not help. */
export class Denied extends CallError {
  constructor(readonly capability: string) {
    super(`\`${capability}\` was denied`);
    this.name = "Denied";
  }
}

/** A limit or a budget is spent. */
export class Exhausted extends CallError {
  constructor(readonly limit: Limit) {
    super(`the limit on ${limit} is spent`);
    this.name = "Exhausted";
  }
}

/** The provider could not be reached or gave up. The host has retried already. */
export class Unavailable extends CallError {
  constructor() {
    super("the provider is unavailable");
    this.name = "Unavailable";
  }
}

/** The request, or the model's answer to it, is wrong. The text says how. */
export class Invalid extends CallError {
  constructor(reason: string) {
    super(reason);
    this.name = "Invalid";
  }
}

/**
 * How an agent that was called failed. The first four are its own; `limit`: it ran into a limit
 * of its own, or out of the time that it was given; `broken`: it trapped, could not be run, or
 * gave back what may not leave it.
 */
export type Fault = FailureKind | "limit" | "broken";

/** An agent that was called has no output; what it changed in namespaces did not happen. */
export class Failed extends CallError {
  constructor(
    readonly kind: Fault,
    /** Its own words; empty with `refused`, `limit` and `broken`. */
    readonly text = "",
  ) {
    super(`the agent that was called ${FAULTS[kind]}${text === "" ? "" : `: ${text}`}`);
    this.name = "Failed";
  }
}

const FAULTS: Record<Fault, string> = {
  "invalid-input": "cannot work on its input",
  refused: "was denied a power that it cannot do without",
  retryable: "failed for now",
  fatal: "failed",
  limit: "ran into a limit",
  broken: "broke",
};

/** The beginning of a text that has at most `max` bytes of UTF-8. */
export function clip(text: string, max: number): string {
  const whole = wellFormed(text);
  let bytes = 0;
  let end = 0;
  for (const letter of whole) {
    bytes += byteLength(letter);
    if (bytes > max) break;
    end += letter.length;
  }
  return whole.slice(0, end);
}

function words(reason: unknown): string {
  return reason instanceof Error ? reason.message : String(reason);
}
