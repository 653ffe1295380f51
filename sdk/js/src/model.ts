/** Asking the models behind the operator's aliases; knows neither providers nor bindings. */

import { Invalid } from "./failure.ts";
import { type Artifact, type Json, type Schema, type TypeOf, textOf } from "./json.ts";
import type { Powers } from "./powers.ts";

/** Tokens as the provider counted them, over all tries of the call. */
export interface Usage {
  inputTokens: number;
  outputTokens: number;
}

/** A call to one of the tools that the agent offered; `arguments` is JSON text. */
export interface ToolCall {
  id: string;
  name: string;
  arguments: string;
}

export const ToolCall = {
  /** The arguments as a value; a model may well break the tool's schema. Throws `Invalid`. */
  read<T = Json>(call: ToolCall): T {
    return read(call.arguments, call.name) as T;
  },
};

/** A tool that the agent offers and answers itself. */
export interface Tool {
  name: string;
  description: string;
  parameters: Schema;
}

/** One turn of a conversation. */
export interface Message {
  role: "system" | "user" | "assistant" | "tool";
  parts: (string | Artifact)[];
  /** In a message of the assistant: the calls that it made. */
  toolCalls?: ToolCall[];
  /** In a message of a tool: the id of the call that it answers. */
  answers?: string;
}

export const Message = {
  /** What the model said, to go on from it. */
  said({ text, toolCalls }: Completion): Message {
    return { role: "assistant", parts: text === "" ? [] : [text], toolCalls };
  },

  /** What a tool answered. */
  answer(call: ToolCall, text: string): Message {
    return { role: "tool", parts: [text], answers: call.id };
  },
};

/** What is asked: a prompt or a conversation, and how. */
export interface Asked {
  system?: string;
  /** Text, or texts and artifacts. */
  prompt?: string | (string | Artifact)[];
  /** A conversation; the prompt, if there is one, is its last turn. */
  messages?: Message[];
  maxTokens?: number;
  temperature?: number;
  seed?: number;
  stop?: string[];
  tools?: Tool[];
}

/** What reaches a model; schemas are JSON text. */
export interface Request {
  alias: string;
  messages: Message[];
  maxTokens: number | null;
  temperature: number | null;
  seed: number | null;
  stop: string[];
  outputSchema: string | null;
  tools: { name: string; description: string; parameters: string }[];
}

export const Request = {
  /** All text of the request, a line for each part: for assertions. */
  text({ messages }: Request): string {
    const parts = messages.flatMap((message) => message.parts);
    return parts.filter((part) => typeof part === "string").join("\n");
  },
};

export interface Completion {
  text: string;
  toolCalls: ToolCall[];
  finish: "stop" | "length" | "tools" | "filtered";
  usage: Usage;
  /** Who answered. */
  model: string;
}

/** A typed answer, and who gave it. */
export interface Answer<T> {
  value: T;
  usage: Usage;
  model: string;
}

export interface Embedding {
  vectors: number[][];
  usage: Usage;
  model: string;
}

export interface Picture {
  prompt: string;
  /** In pixels, 64 to 4 096. */
  width: number;
  height: number;
  /** 1 to 4; without it 1. */
  count?: number;
  seed?: number;
}

/** The model behind an alias. */
export class Model {
  constructor(
    private readonly powers: Powers,
    private readonly alias: string,
  ) {}

  /** Text, or calls to the tools. Throws `CallError`. */
  complete(asked: Asked | string): Completion {
    return this.powers.complete(this.request(asked, null));
  }

  /** A value of `schema`, which the host has checked. Throws `CallError`. */
  answer<const S extends Schema>(schema: S, asked: Asked | string): Answer<TypeOf<S>> {
    const { text, usage, model } = this.powers.complete(this.request(asked, textOf(schema)));
    return { value: read(text, "answer") as TypeOf<S>, usage, model };
  }

  /** One vector for each text. Throws `CallError`. */
  embed(texts: string[]): Embedding {
    return this.powers.embed(this.alias, texts);
  }

  /** Images that this attempt may read. Throws `CallError`. */
  generateImages(picture: Picture): Artifact[] {
    return this.powers.generateImages(this.alias, picture);
  }

  private request(asked: Asked | string, outputSchema: string | null): Request {
    const one: Asked = typeof asked === "string" ? { prompt: asked } : asked;
    const messages: Message[] = [];
    if (one.system !== undefined) messages.push({ role: "system", parts: [one.system] });
    messages.push(...(one.messages ?? []));
    if (one.prompt !== undefined) {
      const parts = typeof one.prompt === "string" ? [one.prompt] : one.prompt;
      messages.push({ role: "user", parts });
    }
    return {
      alias: this.alias,
      messages,
      maxTokens: one.maxTokens ?? null,
      temperature: one.temperature ?? null,
      seed: one.seed ?? null,
      stop: one.stop ?? [],
      outputSchema,
      tools: (one.tools ?? []).map((tool) => ({
        name: tool.name,
        description: tool.description,
        parameters: textOf(tool.parameters),
      })),
    };
  }
}

/** JSON text as a value. Throws `Invalid` with what it was. */
export function read(text: string, what: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new Invalid(`${what}: ${(error as Error).message}`);
  }
}
