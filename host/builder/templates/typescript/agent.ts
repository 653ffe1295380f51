/** Greets whoever the input names. */

import { Failure, defineAgent } from "@bailiwick/agent";

export default defineAgent({
  name: "NAME",
  version: "0.1.0",
  summary: "Greets whoever the input names.",
  input: {
    type: "object",
    description: "Whom to greet.",
    properties: {
      name: { type: "string", description: "A name, as it is to stand in the greeting." },
    },
    required: ["name"],
  },
  output: {
    type: "object",
    description: "The greeting, ready to be shown.",
    properties: { greeting: { type: "string", description: "One sentence." } },
    required: ["greeting"],
  },
  perform(guest, host) {
    const name = guest.name.trim();
    if (name === "") throw Failure.invalidInput("name: must not be blank");
    host.log.info(`greeting ${name}`);
    return { greeting: `Hello, ${name}!` };
  },
});
