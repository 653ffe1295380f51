/** Asks another agent for each of some ends, and says how every call ended. */

import { Denied, Failed, type Host, defineAgent } from "@bailiwick/agent";

export default defineAgent({
  name: "asks",
  version: "0.1.0",
  summary: "Asks another agent for each of some ends.",
  input: {
    type: "object",
    properties: { ends: { type: "array", items: { type: "string" } }, whom: { type: "string" } },
    required: ["ends", "whom"],
  },
  output: {
    type: "object",
    properties: { told: { type: "array", items: { type: "string" } } },
    required: ["told"],
  },
  perform(task, host) {
    return { told: task.ends.map((end) => oneCall(task.whom, end, host)) };
  },
});

function oneCall(whom: string, end: string, host: Host): string {
  try {
    return host.delegate.call<string>(whom, { end });
  } catch (thrown) {
    if (thrown instanceof Failed) return `${thrown.kind}: ${thrown.text}`;
    if (thrown instanceof Denied) return `denied ${thrown.capability}`;
    throw thrown;
  }
}
