// The page of a template: shows the text as it will look, and how long it is.

import { formatted } from "../whatsapp_text.js";

export default (Alpine) =>
  Alpine.data("templateForm", () => ({
    length: 0,

    init() {
      this.typed();
    },

    typed() {
      const text = this.$refs.text.value;
      this.length = [...text].length;
      this.$refs.preview.replaceChildren(formatted(text || "…"));
    },
  }));
