// What docs/model-file.md calls folding: from a text as people type it to words, spaces and signs.

const EMOJI = "\\u2600-\\u275a\\u2761-\\u2767\\u2776-\\u27bf\\u2b05-\\u2b55\\u{1f000}-\\u{1faff}";
const ALONE = new RegExp(
  `[${EMOJI}\\u0e00-\\u0eff\\u1000-\\u109f\\ua9e0-\\ua9fe\\uaa60-\\uaa7f\\u1780-\\u17ff` +
    "\\u2e80-\\u2fdf\\u3005-\\u3007\\u3021-\\u312f\\u31f0-\\u31ff\\u3400-\\u4dbf\\u4e00-\\u9fff" +
    "\\uf900-\\ufaff\\uff66-\\uff9f\\u{1b000}-\\u{1b16f}\\u{20000}-\\u{3ffff}\\uac00-\\ud7a3]",
  "gu",
);

// The first that fits decides what becomes of a character that isn't ASCII.
const TABLE = [
  [/[‼⁇⁈⁉]/u, (c) => ({ "‼": "!!", "⁇": "??", "⁈": "?!", "⁉": "!?" })[c]],
  [/[\uff01-\uff5e]/u, (c) => String.fromCodePoint(c.codePointAt(0) - 0xfee0)],
  [/[\u00b4\u02bc\u2018\u2019\u201b\u2032]/u, () => "'"],
  [
    new RegExp(
      "[\\u00ad\\u061c\\u180e\\u200b-\\u200f\\u202a-\\u202e\\u2060-\\u206f\\u20e3\\ufe00-\\ufe0f" +
        "\\ufeff\\u{1f3fb}-\\u{1f3ff}\\u{e0000}-\\u{e007f}]",
      "u",
    ),
    () => "",
  ],
  [new RegExp(`[${EMOJI}]`, "u"), (c) => c],
  [/[\p{P}\p{S}\p{Z}\p{Cc}]/u, () => " "],
  [/./su, (c) => c],
];

const ENTITIES = { "&amp;": "&", "&lt;": "<", "&gt;": ">", "&apos;": "'", "&lsquo;": "'" };
for (const name of ["rsquo", "#39", "#039", "#x27", "#8217"]) ENTITIES[`&${name};`] = "'";

const FACES = { d: "😀", p: "😛", o: "😮", "*": "😘", "|": "😐", "/": "😕", "\\": "😕" };
for (const mouth of ")]}") FACES[mouth] = "🙂";
for (const mouth of "([{") FACES[mouth] = "🙁";

const W = "0-9A-Za-z\\x80-\\u{10ffff}";
const MAIL = new RegExp(`(?<![${W}.+_\\-])[${W}.+_\\-]+@[${W}.\\-]*[${W}]`, "gu");
const MARK = new RegExp(
  `!+|\\?+|https?:\\/\\/[^ <]+|(?<![${W}])www\\.[^ <]+|<\\/?[A-Za-z][^<>]*>|<3(?!['${W}])|@[${W}_]+'?` +
    `|'(?![${W}])|'(?<![${W}]')|[:;=](?:['^\\-]?[)\\]}([{\\/\\\\|*]+(?![\\/${W}])` +
    `|(?<![${W}].)['^\\-]?[dpoDPO](?!['${W}]))`,
  "gsu",
);

function mark(found) {
  if ("!?".includes(found[0])) return ` ${found[0]} `.repeat(Math.min(found.length, 2));
  if (":;=".includes(found[0])) return ` ${FACES[found.at(-1).toLowerCase()]} `;
  if (found === "<3") return " ❤ ";
  return { "@": " 👤 ", h: " 🔗 ", w: " 🔗 " }[found[0]] ?? " ";
}

/** Returns a text folded, to be filtered and split. */
export function fold(text) {
  return text
    .replace(/&#?[0-9A-Za-z]{1,31};/g, (entity) => ENTITIES[entity] ?? " ")
    .replace(/[A-Za-z]?[^\x00-\x7f]+/gu, (run) =>
      [...run]
        .map((c) => (c <= "\x7f" ? c : TABLE.find(([kind]) => kind.test(c))[1](c)))
        .join("")
        .normalize("NFC"),
    )
    .replace(ALONE, " $& ")
    .replace(MAIL, " 📧 ")
    .replace(MARK, mark);
}

/** Returns the form of a word that a vocabulary has. */
export function canonical(word) {
  return /[0-9]{5}/.test(word) ? "🔢" : word.replace(/([^0-9])\1\1+/gsu, "$1$1");
}
