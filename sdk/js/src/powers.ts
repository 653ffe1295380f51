/** What a host can be asked, one method for each function of the contract; how, others know. */

import type { Artifact } from "./json.ts";
import type { Completion, Embedding, Picture, Request } from "./model.ts";

export type Level = "debug" | "info" | "warn" | "error";
export type Header = { name: string; value: string };

/** Every method but the first two throws `CallError`. JSON stays text here. */
export interface Powers {
  write(level: Level, message: string): void;
  report(fraction: number, note: string): void;
  complete(request: Request): Completion;
  embed(alias: string, texts: string[]): Embedding;
  generateImages(alias: string, picture: Picture): Artifact[];
  search(
    collection: string,
    query: string,
    limit: number,
  ): { document: string; text: string; score: number; metadata: string }[];
  put(bytes: Uint8Array, mediaType: string, name: string | null): Artifact;
  get(artifact: Artifact): Uint8Array;
  fetch(request: { method: string; url: string; headers: Header[]; body: Uint8Array }): {
    status: number;
    headers: Header[];
    body: Uint8Array;
  };
  kvGet(key: string): string | null;
  kvSet(key: string, value: string): void;
  kvDelete(key: string): void;
  kvList(prefix: string, after: string | null, limit: number): string[];
  kvSwap(key: string, expected: string | null, value: string | null): boolean;
  delegate(agent: string, document: string): string;
}
