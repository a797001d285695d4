// node generate.mjs MODEL PROMPT N SEED   makes texts
// node generate.mjs MODEL --check TEXTS   compares with draws and texts stored as JSON

import { readFile } from "node:fs/promises";
import { draw, Generator } from "./generator.mjs";

const [path, prompt = "", n = "10", seed = String(Date.now())] = process.argv.slice(2);
const model = await Generator.load(path);

if (prompt === "--check") {
  const stored = JSON.parse(await readFile(n, "utf8"));
  const wrongDraws = stored.draws.filter(({ seed, text, draws }) =>
    draws.some((value, k) => draw(seed, text, k) !== value),
  ).length;
  let wrongTexts = 0;
  for (const { prompt, n, seed, options, texts } of stored.texts) {
    const made = await model.generate(prompt, { n, seed, ...options });
    wrongTexts += JSON.stringify(made) !== JSON.stringify(texts);
  }
  console.log(JSON.stringify({ texts: stored.texts.length, wrongDraws, wrongTexts }));
  process.exitCode = wrongDraws + wrongTexts ? 1 : 0;
} else {
  for (const text of await model.generate(prompt, { n: Number(n), seed })) console.log(text);
}
