/** The host as an agent sees it: one accessor for each capability; knows not how a call travels. */

import { Border } from "./border.ts";
import { Invalid } from "./failure.ts";
import { type Artifact, type Json, textOf } from "./json.ts";
import { Model, read } from "./model.ts";
import type { Level, Powers } from "./powers.ts";
import { decode, encode } from "./utf8.ts";

/** Where in the run this piece of work stands. */
export interface Task {
  /** The name of the pipeline's step. */
  step: string;
  /** The point of the step's axes, as `locale=de,style=bold`; `-` without axes. */
  cell: string;
  /** 0 for the first try, then the number of revisions asked for so far. */
  round: number;
}

/** A piece of a document. A higher score is better, within one answer only. */
export interface Passage {
  document: string;
  text: string;
  score: number;
  metadata: { [key: string]: Json };
}

/** How a request is sent. */
export interface Fetch {
  method?: string;
  headers?: Record<string, string>;
  body?: string | Uint8Array;
  /** Sent as a document, with its `content-type`. */
  json?: unknown;
}

/** What a server answered; any status is an answer. */
export class Response {
  constructor(
    readonly status: number,
    /** Names in lower case. */
    readonly headers: Record<string, string>,
    readonly body: Uint8Array,
  ) {}

  /** Whether the status is 200 to 299. */
  isSuccess(): boolean {
    return this.status >= 200 && this.status < 300;
  }

  /** The body as UTF-8. Throws `Invalid` where it is none. */
  text(): string {
    try {
      return decode(this.body);
    } catch (error) {
      throw new Invalid(`body: ${(error as Error).message}`);
    }
  }

  /** The body as JSON. Throws `Invalid` where it is none. */
  json(): Json {
    return read(this.text(), "body") as Json;
  }
}

/** Words for the operator. Always granted; what is over the limit is dropped. */
export class Log {
  constructor(private readonly powers: Powers) {}
  debug = (message: unknown): void => this.write("debug", message);
  info = (message: unknown): void => this.write("info", message);
  warn = (message: unknown): void => this.write("warn", message);
  error = (message: unknown): void => this.write("error", message);

  /** How far the work is, from 0.0 to 1.0. */
  progress(fraction: number, note = ""): void {
    this.powers.report(fraction, note);
  }

  private write(level: Level, message: unknown): void {
    this.powers.write(level, String(message));
  }
}

/** A collection of documents by the operator's name for it. */
export class Knowledge {
  constructor(
    private readonly powers: Powers,
    private readonly collection: string,
  ) {}

  /** The best passages for a few words, 1 to 50. Throws `CallError`. */
  search(words: string, limit = 5): Passage[] {
    return this.powers.search(this.collection, words, limit).map((one) => ({
      ...one,
      metadata: read(one.metadata, "metadata") as Passage["metadata"],
    }));
  }
}

/** Files that travel beside the JSON. */
export class Artifacts {
  constructor(private readonly powers: Powers) {}

  /** Keeps bytes and returns the reference to put into the output. Throws `CallError`. */
  put(content: string | Uint8Array, mediaType: string, name?: string): Artifact {
    const bytes = typeof content === "string" ? encode(content) : content;
    return this.powers.put(bytes, mediaType, name ?? null);
  }

  /** The bytes of a reference that this attempt was given. Throws `CallError`. */
  get(artifact: Artifact): Uint8Array {
    return this.powers.get(artifact);
  }

  /** The same as UTF-8. Throws `CallError`. */
  text(artifact: Artifact): string {
    return new Response(200, {}, this.get(artifact)).text();
  }
}

/** Requests to the hosts that the operator granted. */
export class Http {
  constructor(private readonly powers: Powers) {}

  /** Sends a request and waits for the whole answer. Throws `CallError`. */
  fetch(url: string, how: Fetch = {}): Response {
    const headers = { ...how.headers };
    let body = how.body ?? "";
    if (how.json !== undefined) {
      body = textOf(how.json);
      const named = Object.keys(headers).some((name) => name.toLowerCase() === "content-type");
      if (!named) headers["content-type"] = "application/json";
    }
    const answer = this.powers.fetch({
      method: how.method ?? "GET",
      url,
      headers: Object.entries(headers).map(([name, value]) => ({ name, value })),
      body: typeof body === "string" ? encode(body) : body,
    });
    const answered = answer.headers.map(({ name, value }) => [name.toLowerCase(), value] as const);
    return new Response(answer.status, Object.fromEntries(answered), answer.body);
  }

  /** `fetch` with `GET`. */
  get(url: string, headers: Record<string, string> = {}): Response {
    return this.fetch(url, { headers });
  }

  /** `fetch` of a document with `POST`. */
  post(url: string, json: unknown, headers: Record<string, string> = {}): Response {
    return this.fetch(url, { method: "POST", json, headers });
  }
}

/** Values that last from run to run. Changes are kept when the attempt ends with an output. */
export class Kv {
  constructor(private readonly powers: Powers) {}

  /** The value of a key, or `undefined`. Throws `CallError`. */
  get<T = Json>(key: string): T | undefined {
    const text = this.powers.kvGet(key);
    return text === null ? undefined : (read(text, key) as T);
  }

  /** Throws `CallError`. */
  set(key: string, value: unknown): void {
    this.powers.kvSet(key, textOf(value));
  }

  /** A key that is not there is no error. Throws `CallError`. */
  delete(key: string): void {
    this.powers.kvDelete(key);
  }

  /** The keys with a prefix, in order, those behind `after`. Throws `CallError`. */
  list(prefix = "", { after, limit = 1000 }: { after?: string; limit?: number } = {}): string[] {
    return this.powers.kvList(prefix, after ?? null, limit);
  }

  /** Sets a key where it holds `expected`; `undefined` stands for no value. Throws `CallError`. */
  compareAndSet(key: string, expected: unknown, value: unknown): boolean {
    const text = (one: unknown) => (one === undefined ? null : textOf(one));
    return this.powers.kvSwap(key, text(expected), text(value));
  }
}

/**
 * Other agents, by the names that the operator granted. Whoever is called works under its own
 * grants and limits: no power is lent. What it spends counts for its caller too.
 */
export class Delegate {
  constructor(private readonly powers: Powers) {}

  /**
   * Has an agent do one piece of work, and waits for its output. The artifacts that the document
   * names must be the caller's own; those that the output names become so. Throws `Failed`
   * where the agent has no output, and another `CallError` where it was not called: `Denied`
   * where it is not granted, or waits for this one already, or is too deep.
   */
  call<T = Json>(agent: string, document: unknown): T {
    return read(this.powers.delegate(agent, textOf(document)), "output") as T;
  }
}

/** The host, as far as this agent's grants let it be seen. */
export class Host {
  readonly log: Log;
  readonly artifacts: Artifacts;
  readonly http: Http;
  readonly kv: Kv;
  readonly delegate: Delegate;
  private readonly powers: Powers;

  constructor(
    readonly task: Task,
    powers: Powers,
  ) {
    // Whatever answers, bindings or a fake: what leaves is of the contract's types.
    this.powers = new Border(powers);
    this.log = new Log(this.powers);
    this.artifacts = new Artifacts(this.powers);
    this.http = new Http(this.powers);
    this.kv = new Kv(this.powers);
    this.delegate = new Delegate(this.powers);
  }

  /** The model behind an alias that the operator chose, for example `writer`. */
  model(alias: string): Model {
    return new Model(this.powers, alias);
  }

  /** A collection of documents by the operator's name for it. */
  knowledge(collection: string): Knowledge {
    return new Knowledge(this.powers, collection);
  }
}
