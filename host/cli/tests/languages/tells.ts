/** Ends as its input says. */

import { Failure, defineAgent } from "@bailiwick/agent";

export default defineAgent({
  name: "tells",
  version: "0.1.0",
  summary: "Ends as its input says.",
  input: {
    type: "object",
    properties: { end: { type: "string", maxLength: 20 } },
    required: ["end"],
  },
  output: { type: "string" },
  perform({ end }) {
    if (end === "refused") throw Failure.refused("model");
    if (end === "invalid") throw Failure.invalidInput("end: no");
    if (end === "retryable") throw Failure.retryable("later");
    if (end === "fatal") throw Failure.fatal("never");
    if (end === "limit") for (;;);
    return end;
  },
});
