/** One typed function becomes an agent; what is public, and nothing of how it works. */

export { defineAgent, type Agent, type Definition } from "./agent.ts";
export { CallError, Denied, Exhausted, Failed, Failure, Invalid, Unavailable, type Fault, type Limit } from "./failure.ts";
export type { Artifacts, Delegate, Fetch, Host, Http, Knowledge, Kv, Log, Passage, Task } from "./host.ts";
export { Response } from "./host.ts";
export { Message, Request, ToolCall } from "./model.ts";
export type { Answer, Asked, Completion, Embedding, Model, Picture, Tool, Usage } from "./model.ts";
export { ARTIFACT, type Artifact, type Json, type Schema, type TypeOf } from "./json.ts";
