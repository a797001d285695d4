// A generator's model file in JavaScript: onnxruntime-web and docs/model-file.md, nothing else.

import { readFile } from "node:fs/promises";
import * as ort from "onnxruntime-web";
import { metadata } from "./classifier.mjs";

/** Returns output k of the SplitMix64 that starts at `state`: BigInts of 64 bits. */
function output(state, k) {
  const cut = (value) => BigInt.asUintN(64, value);
  let z = cut(state + (k + 1n) * 0x9e3779b97f4a7c15n);
  z = cut((z ^ (z >> 30n)) * 0xbf58476d1ce4e5b9n);
  z = cut((z ^ (z >> 27n)) * 0x94d049bb133111ebn);
  return z ^ (z >> 31n);
}

/** Returns draw k of text i, from 0 to under 1. */
export function draw(seed, i, k) {
  return Number(output(output(BigInt(seed), BigInt(i)), BigInt(k)) >> 11n) / 2 ** 53;
}

/** Returns the id that a draw chooses. */
function choose(logits, u, { temperature = 1, top_k = 0, top_p = 1 }) {
  const largest = Math.max(...logits);
  if (temperature === 0) return logits.indexOf(largest);
  const weights = logits.map((logit) => Math.exp((logit - largest) / temperature));
  const order = () => [...weights.keys()].sort((a, b) => weights[b] - weights[a] || a - b);
  if (top_k > 0) order().slice(top_k).forEach((id) => (weights[id] = 0));
  if (top_p < 1) {
    const sorted = order();
    const total = sorted.reduce((sum, id) => sum + weights[id], 0);
    let before = 0;
    for (const id of sorted) {
      const weight = weights[id];
      if (before >= top_p * total) weights[id] = 0;
      before += weight;
    }
  }
  const edge = u * weights.reduce((sum, weight) => sum + weight, 0);
  let sum = 0;
  return weights.findIndex((weight) => (sum += weight) > edge);
}

export class Generator {
  /** Loads a model file whose ids are characters: its path, or its bytes. */
  static async load(source) {
    const bytes = typeof source === "string" ? new Uint8Array(await readFile(source)) : source;
    const stored = metadata(bytes);
    if (stored.get("pocketrnn.schema") !== "1" || stored.get("pocketrnn.task") !== "generate") {
      throw new Error("not a pocketrnn generator, or one of a newer schema");
    }
    const session = await ort.InferenceSession.create(bytes, { executionProviders: ["wasm"] });
    return new Generator(session, stored);
  }

  constructor(session, stored) {
    this.session = session;
    this.config = JSON.parse(stored.get("pocketrnn.config"));
    if (this.config.unit !== "characters") throw new Error("this example knows characters only");
    this.characters = [...stored.get("pocketrnn.vocabulary")];
    this.idOf = new Map(this.characters.map((character, id) => [character, id]));
  }

  /** Returns the logits of what follows `ids`, of those that can be drawn, and the states. */
  async read(ids, states) {
    const { units } = this.config.network;
    const before = this.session.inputNames.slice(1);
    const zeros = () => new ort.Tensor("float32", new Float32Array(units), [1, units]);
    const feeds = { ids: new ort.Tensor("int32", Int32Array.from(ids), [1, ids.length]) };
    before.forEach((name, i) => (feeds[name] = states ? states[i] : zeros()));
    const found = await this.session.run(feeds);
    const [logits, ...after] = this.session.outputNames.map((name) => found[name]);
    const drawn = this.config.characters + (this.config.stop === null ? 0 : 1);
    const last = logits.data.slice(-logits.dims[2]);
    return [[...last.slice(0, drawn)], after];
  }

  /** Returns `n` texts that begin with the prompt. */
  async generate(prompt, { n = 1, length = 200, stop = null, seed = 0n, ...sampling } = {}) {
    const ids = [...prompt].map((character) => this.idOf.get(character) ?? this.config.unknown);
    const start = await this.read([this.config.start, ...ids]);
    const texts = [];
    for (let i = 0; i < n; i++) {
      let [logits, states] = start;
      let made = "";
      for (let k = 0; k < length; k++) {
        const id = choose(logits, draw(seed, i, k), sampling);
        if (id === this.config.stop) break;
        made += this.characters[id];
        if (stop && made.endsWith(stop)) {
          made = made.slice(0, -stop.length);
          break;
        }
        [logits, states] = await this.read([id], states);
      }
      texts.push(prompt + made);
    }
    return texts;
  }
}
