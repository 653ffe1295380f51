/** Hands the host what its bindings cannot convert, and halves of letters, and says what came of it. */

import { CallError, defineAgent } from "@bailiwick/agent";

export default defineAgent({
  name: "crosses",
  version: "0.1.0",
  summary: "Hands the host what its bindings cannot convert.",
  input: { type: "object", properties: { caught: { type: "boolean" } }, required: ["caught"] },
  output: { type: "array", items: { type: "string" } },
  perform(task, host) {
    const none = null as never;
    const brand = host.knowledge("brand");
    if (!task.caught) brand.search("tea", 2.5);
    const [model, half] = [host.model("writer"), "tea 🍵".slice(0, 5)];
    host.log.info(half);
    console.log(half);
    host.log.progress(1, half);
    const calls = [
      () => model.complete({ prompt: half, maxTokens: 200, seed: 2 ** 53 - 1, temperature: 1 }).text,
      () => model.complete({ prompt: "x", maxTokens: 333 * 1.4 }),
      () => model.complete({ prompt: "x", seed: -1 }),
      () => model.complete({ prompt: none }),
      () => brand.search("tea", 1)[0]?.text,
      () => brand.search("tea", 2.5),
      () => host.artifacts.put("hi", "text/plain").bytes,
      () => host.artifacts.put("x", none),
      () => host.artifacts.get({ $artifact: "x", bytes: -1 }),
      () => host.kv.set(half, half),
      () => host.kv.get(half),
      () => host.kv.get(none),
      () => host.delegate.call("other", half),
      () => host.delegate.call(7 as never, 1),
    ];
    return [half, ...calls.map(oneCall)];
  },
});

function oneCall(call: () => unknown): string {
  try {
    return String(call() ?? "None");
  } catch (thrown) {
    if (thrown instanceof CallError) return thrown.name;
    if (thrown instanceof TypeError) return `TypeError: ${thrown.message.split(":")[0]}`;
    throw thrown;
  }
}
