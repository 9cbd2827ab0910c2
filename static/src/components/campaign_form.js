// The page of a new campaign: puts variables into the text, and shows the text as the first person will read it.

// Larger files are looked into after they are uploaded for good: twice would be a long wait.
const LARGEST_LOOKED_INTO = 2 * 1024 * 1024;

// As contacts/columns.py compares the names of columns.
function variableKey(name) {
  const words = name.normalize("NFKC").toLowerCase().split(/[^\p{L}\p{N}\p{M}]+/u);
  return words.filter(Boolean).join("_");
}

function rendered(text, values) {
  return text.replace(/\{\{([^{}\n]*)\}\}/g, (whole, inside) => {
    const [name, ...rest] = inside.split("|");
    const value = values[variableKey(name)];
    if (value) return value;
    return rest.length ? rest.join("|").trim() : whole;
  });
}

export default (Alpine) =>
  Alpine.data("campaignForm", () => ({
    text: "",
    values: {},
    isKnown: false,
    isLarge: false,
    sheetError: "",

    init() {
      this.learn();
    },

    get shown() {
      return rendered(this.text, this.values) || "…";
    },

    get note() {
      const words = this.$refs.note?.dataset ?? {};
      return this.isKnown ? words.noteSample : words.noteNone;
    },

    // After an answer with complaints the first one comes into view; what the server said about columns does not jump.
    answered(event) {
      this.learn();
      if (event.target !== this.$root) return;
      const wrong = this.$root.querySelector("[aria-invalid=true]") ?? this.$root.querySelector(".form-error:not([hidden])");
      wrong?.scrollIntoView({ block: "center", behavior: "smooth" });
      if (wrong?.matches("input, textarea, select")) wrong.focus({ preventScroll: true });
    },

    // Reads what the server said about the list's columns.
    learn() {
      const said = this.$root.querySelector("[data-example]");
      this.values = JSON.parse(said.dataset.example);
      this.isKnown = said.dataset.isKnown === "true";
      this.isLarge = said.dataset.isLarge === "true";
      this.sheetError = said.dataset.sheetError;
      this.text = this.$refs.text.value;
    },

    get isSmall() {
      return !this.isLarge;
    },

    get isFine() {
      return !this.sheetError;
    },

    typed(event) {
      this.text = event.target.value;
    },

    look() {
      const file = this.$root.querySelector("input[type=file]").files[0];
      this.isLarge = Boolean(file) && file.size > LARGEST_LOOKED_INTO;
      if (this.isLarge) {
        this.values = {};
        this.isKnown = false;
        this.sheetError = "";
        return;
      }
      this.$refs.variables.dispatchEvent(new CustomEvent("look"));
    },

    insert(event) {
      const { text } = this.$refs;
      const variable = `{{${event.currentTarget.dataset.variable}}}`;
      text.setRangeText(variable, text.selectionStart, text.selectionEnd, "end");
      text.focus();
      this.text = text.value;
    },
  }));
