// Puts a message's text together as the server does (messaging/template_text.py): values, fallbacks and choices.

const SIGN = /\{\{([^{}\n]*)\}\}|[{|}]/g;

// As contacts/columns.py compares the names of columns.
export function variableKey(name) {
  const words = name.normalize("NFKC").toLowerCase().split(/[^\p{L}\p{N}\p{M}]+/u);
  return words.filter(Boolean).join("_");
}

function value(inside, values) {
  const [name, ...rest] = inside.split("|");
  const known = values[variableKey(name)];
  if (known && String(known).trim()) return String(known);
  return rest.length ? rest.join("|").trim() : `{{${inside}}}`;
}

// Without `values` variables stay as they are written. `turn` says which option of each choice is shown: the server
// decides for each person.
export function rendered(text, values = null, turn = 0) {
  const open = [{ options: [""] }];
  const add = (piece) => {
    const { options } = open.at(-1);
    options[options.length - 1] += piece;
  };
  let at = 0;
  for (const match of text.matchAll(SIGN)) {
    add(text.slice(at, match.index));
    at = match.index + match[0].length;
    if (match[1] !== undefined) add(values ? value(match[1], values) : match[0]);
    else if (match[0] === "{") open.push({ options: [""] });
    else if (open.length === 1) add(match[0]);
    else if (match[0] === "|") open.at(-1).options.push("");
    else {
      const { options } = open.pop();
      add(options.length > 1 ? options[turn % options.length] : `{${options[0]}}`);
    }
  }
  add(text.slice(at));
  while (open.length > 1) {
    const { options } = open.pop();
    add(`{${options.join("|")}`);
  }
  return open[0].options[0];
}

export function hasChoices(text) {
  return rendered(text, null, 0) !== rendered(text, null, 1);
}
