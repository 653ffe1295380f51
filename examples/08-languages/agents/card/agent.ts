/** Sets lines as a card: a picture beside the JSON. */

import { ARTIFACT, Failure, defineAgent } from "@bailiwick/agent";

/** Pixels from one line to the next, and around all of them. */
const LINE = 28;
const MARGIN = 32;

export default defineAgent({
  name: "card",
  version: "0.1.0",
  summary: "Sets lines as a card.",
  input: {
    type: "object",
    properties: {
      lines: { type: "array", items: { type: "string" }, description: "From top to bottom." },
      words: {
        type: "object",
        properties: { count: { type: "integer" }, mean_letters: { type: "number" } },
        required: ["count", "mean_letters"],
      },
    },
    required: ["lines", "words"],
  },
  output: {
    type: "object",
    properties: {
      picture: ARTIFACT,
      caption: { type: "string", description: "What the figures say." },
    },
    required: ["picture", "caption"],
  },
  perform({ lines, words }, host) {
    if (lines.length === 0) throw Failure.invalidInput("lines: there are none");
    const height = 2 * MARGIN + lines.length * LINE;
    const texts = lines.map(
      (line, at) => `  <text x="${MARGIN}" y="${MARGIN + (at + 1) * LINE - 8}">${escaped(line)}</text>`,
    );
    const picture = [
      `<svg xmlns="http://www.w3.org/2000/svg" width="480" height="${height}" font-family="serif" font-size="20">`,
      '  <rect width="100%" height="100%" fill="#fdf6e3"/>',
      ...texts,
      "</svg>",
      "",
    ].join("\n");
    console.log("a card for", host.task.cell, { lines: lines.length });
    return {
      picture: host.artifacts.put(picture, "image/svg+xml", "card.svg"),
      caption: `${words.count} words of ${words.mean_letters.toFixed(1)} letters`,
    };
  },
});

function escaped(text: string): string {
  const names: Record<string, string> = { "&": "amp", "<": "lt", ">": "gt", '"': "quot" };
  return text.replace(/[&<>"]/g, (letter) => `&${names[letter]};`);
}
