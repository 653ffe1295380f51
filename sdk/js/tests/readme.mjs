/** Writes the blocks of the README to the files that they are called, to be checked and run as they stand there. */

import { mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";

const PLACE = "dist/readme";
const BLOCK = /^`([\w.]+\.ts)`:\n\n```ts\n(.*?)^```$/gms;
const NAMES = ["agent.ts", "agent.test.ts", "gather.test.ts"];

const text = readFileSync("README.md", "utf8");
const blocks = [...text.matchAll(BLOCK)].map(([, name, block]) => ({ name, block }));
const names = blocks.map(({ name }) => name);
if (names.join() !== NAMES.join() || blocks.length !== text.split("```ts\n").length - 1) {
  throw new Error(`README.md has the blocks ${names}, and should have ${NAMES}, each with its name before it`);
}
rmSync(PLACE, { recursive: true, force: true });
mkdirSync(PLACE, { recursive: true });
for (const { name, block } of blocks) writeFileSync(`${PLACE}/${name}`, block);
writeFileSync(`${PLACE}/tsconfig.json`, JSON.stringify({ extends: "../../tsconfig.json", include: ["*.ts"] }));
