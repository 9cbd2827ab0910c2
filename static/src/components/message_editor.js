// Writes a message: variables, marks, emoji, options, a file, a saved template; and shows it as the phone does.

import { hasChoices, rendered } from "../message_text.js";
import { formatted } from "../whatsapp_text.js";

const PLAYERS = { image: "img", sticker: "img", video: "video", audio: "audio", voice: "audio" };

function sizeInWords(bytes) {
  const megabytes = bytes / 1024 / 1024;
  const [number, unit] = megabytes >= 1 ? [megabytes, "megabyte"] : [Math.max(1, bytes / 1024), "kilobyte"];
  return new Intl.NumberFormat(document.documentElement.lang, { style: "unit", unit, maximumFractionDigits: 1 }).format(number);
}

function shown(file) {
  const made = document.createElement(PLAYERS[file.kind] ?? "div");
  if (made.tagName === "DIV") {
    made.className = "bubble-title";
    made.textContent = `📄 ${file.name}`;
    return made;
  }
  made.src = file.url;
  made.className = made.tagName === "IMG" ? "editor-picture" : "bubble-player";
  if (made.tagName === "IMG") made.alt = file.name;
  else made.controls = true;
  return made;
}

export default (Alpine) =>
  Alpine.data("messageEditor", () => ({
    length: 0,
    turn: 0,
    problem: "",
    hasEmoji: false,
    file: { token: "", kind: "text", name: "", size: 0, url: "" },

    init() {
      this.file = JSON.parse(this.$root.dataset.attached || "{}");
      this.showFile();
      this.typed();
    },

    get counted() {
      return this.$refs.count.dataset.words
        .replace("%length%", this.length.toLocaleString())
        .replace("%most%", this.most.toLocaleString());
    },

    get most() {
      const { longest, longestCaption } = this.$root.dataset;
      return Number(this.file.url ? longestCaption : longest);
    },

    get fileName() {
      return this.file.name ?? "";
    },

    get fileSize() {
      return this.file.size ? sizeInWords(this.file.size) : "";
    },

    // The values are read each time: the server may have learned of another list meanwhile.
    typed() {
      const text = this.$refs.text.value;
      const values = JSON.parse(this.$root.dataset.example || "{}");
      const seen = rendered(text, Object.keys(values).length ? values : null, this.turn);
      this.length = [...seen].length;
      this.$refs.count.classList.toggle("is-too-long", this.length > this.most);
      this.$refs.another.hidden = !hasChoices(text);
      this.$refs.preview.replaceChildren(formatted(seen || (this.file.url ? "" : "…")));
    },

    another() {
      this.turn += 1;
      this.typed();
    },

    // Whoever keeps the form hears of what was not typed as well.
    changed() {
      this.$refs.text.dispatchEvent(new Event("input", { bubbles: true }));
    },

    put(text) {
      const area = this.$refs.text;
      area.setRangeText(text, area.selectionStart, area.selectionEnd, "end");
      area.focus();
      this.changed();
    },

    insert(event) {
      this.put(`{{${event.currentTarget.dataset.variable}}}`);
    },

    insertChoice(event) {
      const area = this.$refs.text;
      const chosen = area.value.slice(area.selectionStart, area.selectionEnd);
      this.put(chosen ? `{${chosen}|}` : event.currentTarget.dataset.choice);
    },

    mark(event) {
      const { mark } = event.currentTarget.dataset;
      const area = this.$refs.text;
      const { selectionStart: begin, selectionEnd: end } = area;
      const words = area.value.slice(begin, end);
      const inner = words.trim();
      const lead = words.length - words.trimStart().length;
      area.setRangeText(words.slice(0, lead) + mark + inner + mark + words.slice(lead + inner.length), begin, end, "end");
      if (!inner) area.setSelectionRange(begin + words.length + 1, begin + words.length + 1);
      area.focus();
      this.changed();
    },

    async toggleEmoji() {
      this.hasEmoji = !this.hasEmoji;
      this.$refs.emoji.hidden = !this.hasEmoji;
      if (!this.hasEmoji || this.$refs.emoji.firstChild) return;
      const { picker } = await import("../emoji.js");
      const made = picker();
      made.addEventListener("emoji-click", (event) => this.put(event.detail.unicode));
      this.$refs.emoji.append(made);
    },

    // -- The file --

    chooseFile() {
      this.$refs.file.click();
    },

    async upload(event) {
      const chosen = event.target.files[0];
      event.stopPropagation();
      if (!chosen) return;
      await this.hand("file", chosen);
      event.target.value = "";
    },

    // The server answers with how the file is called and shown.
    async hand(name, value) {
      this.say("");
      const sent = new FormData();
      sent.append(name, value);
      sent.append("csrfmiddlewaretoken", document.cookie.match(/(?:^|; )csrftoken=([^;]+)/)?.[1] ?? "");
      this.$root.classList.add("is-uploading");
      try {
        const response = await fetch(this.$root.dataset.upload, { method: "POST", body: sent });
        const answer = await response.json();
        if (response.ok) this.attach(answer);
        else this.say(answer.error);
      } catch {
        this.say(this.$root.dataset.failed);
      } finally {
        this.$root.classList.remove("is-uploading");
      }
    },

    // -- Files of the library --

    openLibrary() {
      this.$refs.library.showModal();
      this.$refs.library.querySelector("input").dispatchEvent(new CustomEvent("open-library"));
    },

    closeLibrary() {
      this.$refs.library.close();
    },

    async takeFile(event) {
      const { file } = event.currentTarget.dataset;
      this.closeLibrary();
      await this.hand("library", file);
    },

    say(text) {
      this.problem = text;
      this.$refs.problem.hidden = !text;
    },

    attach(file) {
      this.file = file;
      this.$refs.token.value = file.token;
      this.showFile();
      this.changed();
    },

    removeFile() {
      this.attach({ token: "", kind: "text", name: "", size: 0, url: "" });
    },

    showFile() {
      this.$refs.attached.hidden = !this.file.url;
      this.$refs.media.replaceChildren(...(this.file.url ? [shown(this.file)] : []));
    },

    // -- Saved templates --

    openTemplates() {
      this.$refs.templates.showModal();
      this.$refs.templates.querySelector("input").dispatchEvent(new CustomEvent("open-templates"));
    },

    closeTemplates() {
      this.$refs.templates.close();
    },

    async take(event) {
      const response = await fetch(event.currentTarget.dataset.address);
      if (!response.ok) return;
      const { text, file_name: name, ...file } = await response.json();
      this.closeTemplates();
      this.$refs.text.value = text;
      this.attach({ ...file, name });
      this.$refs.text.focus();
    },
  }));
