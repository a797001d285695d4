// A pocketrnn model file in JavaScript: onnxruntime-web and docs/model-file.md, nothing else.

import { readFile } from "node:fs/promises";
import * as ort from "onnxruntime-web";

import { canonical, fold } from "./folding.mjs";

ort.env.wasm.numThreads = 1;

const SCHEMA = 1;

// Characters of a piece of a word, and of a word that is cut into pieces.
const [LEAST_PIECE, MOST_PIECE, MOST_CUT] = [3, 16, 64];

/** Yields [number, value] for each field of a protobuf message; a value is a number or bytes. */
function* fields(bytes) {
  let at = 0;
  const varint = () => {
    // Not by shifts, which have 32 bits in JavaScript.
    for (let value = 0, scale = 1; ; scale *= 128) {
      if (at >= bytes.length || scale > 2 ** 63) throw new Error("the file is damaged");
      const byte = bytes[at++];
      value += (byte & 127) * scale;
      if (byte < 128) return value;
    }
  };
  while (at < bytes.length) {
    const tag = varint();
    const type = tag % 8;
    if (type === 0) {
      yield [Math.floor(tag / 8), varint()];
      continue;
    }
    const size = { 1: () => 8, 2: varint, 5: () => 4 }[type]?.();
    if (size === undefined || at + size > bytes.length) throw new Error("the file is damaged");
    yield [Math.floor(tag / 8), bytes.subarray(at, at + size)];
    at += size;
  }
}

/** Returns the metadata of an ONNX file: field 14 of ModelProto, entries of key (1), value (2). */
export function metadata(bytes) {
  const utf8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
  const found = new Map();
  for (const [number, value] of fields(bytes)) {
    if (number !== 14) continue;
    const entry = Object.fromEntries(fields(value));
    found.set(utf8.decode(entry[1] ?? new Uint8Array()), utf8.decode(entry[2] ?? new Uint8Array()));
  }
  return found;
}

export class Classifier {
  /** Loads a model file: its path, or its bytes. */
  static async load(source) {
    const bytes = typeof source === "string" ? new Uint8Array(await readFile(source)) : source;
    const stored = metadata(bytes);
    if (!(Number(stored.get("pocketrnn.schema")) <= SCHEMA)) {
      throw new Error("not a pocketrnn model, or one of a newer schema");
    }
    const session = await ort.InferenceSession.create(bytes, { executionProviders: ["wasm"] });
    return new Classifier(session, stored);
  }

  constructor(session, stored) {
    this.session = session;
    this.config = JSON.parse(stored.get("pocketrnn.config"));
    this.labels = this.config.labels;
    const { split, index_from: indexFrom, filters } = this.config.text;
    const vocabulary = stored.get("pocketrnn.vocabulary");
    const words = vocabulary ? vocabulary.split(split) : [];
    this.idOf = new Map(words.map((word, i) => [word, indexFrom + 1 + i]));
    this.filters = new Set(filters);
    // The lengths of the pieces that begin with three characters, the longest first.
    this.lengths = new Map();
    for (const word of this.config.text.pieces ? words : []) {
      const characters = [...word];
      const { length } = characters;
      const start = characters.slice(0, LEAST_PIECE).join("");
      if (length >= LEAST_PIECE && length <= MOST_PIECE)
        this.lengths.set(start, (this.lengths.get(start) ?? new Set()).add(length));
    }
    for (const [start, found] of this.lengths) this.lengths.set(start, [...found].sort((a, b) => b - a));
  }

  /** Returns the ids of a text, cut to `maxlen` and not padded. */
  ids(text) {
    const { lower, split, start_id, maxlen, truncating, fold: folds } = this.config.text;
    const lowered = lower ? text.toLowerCase() : text;
    const characters = [...(folds ? fold(lowered) : lowered)];
    const kept = characters.map((c) => (this.filters.has(c) ? split : c)).join("");
    const words = kept.split(split).filter((word) => word !== "");
    const ids = words.flatMap((word) => this.idsOf(folds ? canonical(word) : word));
    if (start_id !== null) ids.unshift(start_id);
    return truncating === "pre" ? ids.slice(-maxlen) : ids.slice(0, maxlen);
  }

  /** Returns the id of a word, or those of its pieces: the longest words from the left. */
  idsOf(word) {
    const { pieces, oov_id } = this.config.text;
    if (this.idOf.has(word)) return [this.idOf.get(word)];
    const characters = pieces ? [...word] : [];
    const part = (at, length) => characters.slice(at, at + length).join("");
    const ids = [];
    let at = 0;
    while (characters.length <= MOST_CUT && at <= characters.length - LEAST_PIECE) {
      const lengths = this.lengths.get(part(at, LEAST_PIECE)) ?? [];
      const length = lengths.find((length) => this.idOf.has(part(at, length)));
      if (length) ids.push(this.idOf.get(part(at, length)));
      at += length ?? 1;
    }
    return ids.length ? ids : [oov_id];
  }

  /** Returns the probability of each label, for each text. */
  async scores(texts) {
    if (texts.length === 0) return [];
    const { maxlen, padding, pad_id } = this.config.text;
    const { network } = this.config;
    // Masked padding may be left out, by whole windows; any other has been read in training too.
    const multiple = network?.mask ? network.window || 1 : maxlen;
    const rows = texts.map((text) => this.ids(text));
    const longest = Math.max(1, ...rows.map((row) => row.length));
    const time = Math.ceil(longest / multiple) * multiple;
    const ids = new Int32Array(rows.length * time).fill(pad_id);
    rows.forEach((row, i) => ids.set(row, i * time + (padding === "pre" ? time - row.length : 0)));
    const feeds = { ids: new ort.Tensor("int32", ids, [rows.length, time]) };
    const { scores } = await this.session.run(feeds);
    const columns = scores.dims[1];
    return rows.map((_, i) => {
      const row = [...scores.data.slice(i * columns, (i + 1) * columns)];
      return columns === 1 ? [Math.fround(1 - row[0]), row[0]] : row;
    });
  }

  /**
   * Returns the label and its probability, and what that must reach, for each text. With a threshold
   * for each label, `labels` are those that the text gets, and `label` is the most probable of them.
   */
  async predict(texts) {
    if (Array.isArray(this.config.threshold)) {
      const thresholds = this.config.threshold.map(Math.fround);
      return (await this.scores(texts)).map((row) => {
        const over = row.map((p, i) => p > thresholds[i]);
        const better = (best, p, i) => ((over[i] - over[best] || p - row[best]) > 0 ? i : best);
        const best = row.reduce(better, 0);
        const labels = this.labels.filter((_, i) => over[i]);
        const label = over[best] ? this.labels[best] : null;
        return { label, labels, score: row[best], threshold: thresholds[best] };
      });
    }
    const threshold = Math.fround(this.config.threshold);
    return (await this.scores(texts)).map((row) => {
      const chosen = row.length === 2 ? Number(row[1] > threshold) : row.indexOf(Math.max(...row));
      const needed = row.length === 2 ? Math.fround(chosen ? threshold : 1 - threshold) : null;
      const label = this.labels[chosen];
      return { label, labels: [label], score: row[chosen], threshold: needed };
    });
  }
}
