// node score.mjs MODEL TEXT...            labels texts
// node score.mjs MODEL --check VECTORS    compares with texts, ids and scores stored as JSON

import { readFile } from "node:fs/promises";
import { Classifier } from "./classifier.mjs";

const [path, ...texts] = process.argv.slice(2);
const model = await Classifier.load(path);

if (texts[0] === "--check") {
  const { tolerance, vectors } = JSON.parse(await readFile(texts[1], "utf8"));
  const all = vectors.map(({ text }) => text);
  const together = await model.scores(all);
  const given = (await model.predict(all)).map(({ labels }) => JSON.stringify(labels));
  const wanted = vectors.map(({ label, labels }) => JSON.stringify(labels ?? [label]));
  const wrongLabels = wanted.filter((labels, i) => labels !== given[i]).length;
  let largest = 0;
  let wrong = 0;
  for (const [i, { text, ids, scores }] of vectors.entries()) {
    wrong += JSON.stringify(model.ids(text)) !== JSON.stringify(ids);
    const [alone] = await model.scores([text]);
    for (const row of [alone, together[i]]) {
      scores.forEach((score, j) => (largest = Math.max(largest, Math.abs(score - row[j]))));
    }
  }
  const found = { texts: vectors.length, wrongIds: wrong, wrongLabels, largestDifference: largest };
  console.log(JSON.stringify(found));
  process.exitCode = wrong + wrongLabels === 0 && largest <= tolerance ? 0 : 1;
} else {
  for (const [i, { labels, score, threshold }] of (await model.predict(texts)).entries()) {
    const needs = (threshold ?? 0.5) === 0.5 ? "" : ` (needs ${threshold.toFixed(4)})`;
    console.log(`${labels.join(", ") || "none"}  ${score.toFixed(4)}${needs}  ${texts[i]}`);
  }
}
