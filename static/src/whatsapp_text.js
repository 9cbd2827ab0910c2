// Shows texts as WhatsApp does on a phone: *bold*, _italic_, ~struck~, `code`, ```fixed width```, quotes, lists and links.

const STYLES = { "*": "strong", _: "em", "~": "s" };
const FENCED = /```([\s\S]+?)```/;
const CODE = /`([^`\n]+)`/;
// A marker counts at the edge of a word, with text right beside it: 2*3*4 and snake_case_name are plain.
const STYLED = /(?<![\p{L}\p{N}])([*_~])(?=\S)([^\n]*?\S)\1(?![\p{L}\p{N}])/u;
const LINK = /\bhttps?:\/\/[^\s<]+[^\s<.,:;!?)\]}'"]/;
const VARIABLE = /\{\{[^{}\n]+\}\}/;

function element(name, ...children) {
  const made = document.createElement(name);
  made.append(...children);
  return made;
}

function link(address) {
  const made = element("a", address);
  made.href = address;
  made.target = "_blank";
  made.rel = "noopener noreferrer";
  return made;
}

function variable(written) {
  const made = element("span", written);
  made.className = "variable";
  return made;
}

// In the order of their strength: what stands in code is no link, what is a link is not styled.
const PIECES = [
  [FENCED, (match) => element("code", match[1])],
  [CODE, (match) => element("code", match[1])],
  [LINK, (match) => link(match[0])],
  [VARIABLE, (match) => variable(match[0])],
  [STYLED, (match) => element(STYLES[match[1]], ...inline(match[2]))],
];

function inline(text) {
  let first = null;
  for (const [pattern, make] of PIECES) {
    const match = pattern.exec(text);
    if (match && (!first || match.index < first.match.index)) first = { match, make };
  }
  if (!first) return text ? [text] : [];
  const { match, make } = first;
  const after = text.slice(match.index + match[0].length);
  return [...(match.index ? [text.slice(0, match.index)] : []), make(match), ...inline(after)];
}

const BLOCKS = [
  [/^> (.*)$/, (words) => element("blockquote", ...inline(words))],
  [/^[*-] (.*)$/, (words) => block("bubble-item", ["• ", ...inline(words)])],
];

function block(name, children) {
  const made = element("div", ...children);
  made.className = name;
  return made;
}

function line(text) {
  for (const [pattern, make] of BLOCKS) {
    const match = pattern.exec(text);
    if (match) return { node: make(match[1]), isBlock: true };
  }
  return { node: inline(text), isBlock: false };
}

export function formatted(text) {
  const result = document.createDocumentFragment();
  // Fixed width may go over several lines; everything else ends with its line.
  let afterText = false;
  for (const [index, part] of text.split(/(```[\s\S]+?```)/).entries()) {
    if (index % 2) {
      result.append(...inline(part));
      afterText = true;
      continue;
    }
    for (const [number, words] of part.split("\n").entries()) {
      const { node, isBlock } = line(words);
      if (number && afterText && !isBlock) result.append("\n");
      result.append(...[node].flat());
      afterText = !isBlock;
    }
  }
  return result;
}

function format(root) {
  for (const bubble of root.querySelectorAll(".bubble-text:not([data-formatted])")) {
    if (bubble.hasAttribute("x-text")) continue; // a script writes into it
    bubble.replaceChildren(formatted(bubble.textContent));
    bubble.dataset.formatted = ""; // what the server renews comes without it, and is formatted again
  }
}

document.addEventListener("DOMContentLoaded", () => format(document));
document.addEventListener("htmx:after:swap", () => format(document));
