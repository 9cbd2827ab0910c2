// A step of a campaign. A draft keeps itself: every change is sent soon after it was made, one request at a time, and the
// page says when it was kept. A campaign that is no draft any more is only saved by its button.

const WAIT = 600; // milliseconds without typing
const AGAIN = 4000; // after a lost connection

const step = () => ({
  isChanged: false,
  isSaving: false,
  isLeaving: false,
  timer: 0,

  init() {
    const form = this.$root;
    if (!form.dataset.save) return;
    form.addEventListener("input", (event) => this.noteChange(event.target.matches("textarea, input:not([type=checkbox], [type=radio], [type=file])") ? WAIT : 0));
    form.addEventListener("change", () => this.noteChange(0));
    form.addEventListener("submit", (event) => this.submit(event));
    for (const link of document.querySelectorAll("[data-step]")) link.addEventListener("click", (event) => this.turnTo(event, link));
    this.warn = (event) => {
      if ((this.isChanged || this.isSaving) && !this.isLeaving) event.preventDefault();
    };
    window.addEventListener("beforeunload", this.warn);
  },

  destroy() {
    window.removeEventListener("beforeunload", this.warn);
    clearTimeout(this.timer);
  },

  noteChange(wait) {
    this.isChanged = true;
    this.plan(wait);
  },

  plan(wait) {
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.save(), wait);
  },

  // The button sends everything itself. What is on its way is waited for: it changes the draft's version.
  async submit(event) {
    clearTimeout(this.timer);
    if (!this.isSaving) {
      this.isLeaving = true;
      return;
    }
    event.preventDefault();
    await this.idle();
    this.$root.requestSubmit(event.submitter ?? undefined);
  },

  async idle() {
    while (this.isSaving) await new Promise((done) => setTimeout(done, 50));
  },

  // The links between the steps keep what was written a moment ago.
  async turnTo(event, link) {
    if (!this.isChanged && !this.isSaving) return;
    event.preventDefault();
    clearTimeout(this.timer);
    await this.idle();
    if (this.isChanged) await this.save();
    if (!this.isChanged) window.location.assign(link.href);
  },

  async save() {
    if (this.isSaving || this.isLeaving || !this.isChanged) return;
    const form = this.$root;
    this.isSaving = true;
    this.isChanged = false;
    this.say(form.dataset.textSaving);
    const sheet = form.querySelector("input[type=file]");
    const sent = sheet?.files[0];
    try {
      const response = await fetch(form.dataset.save, {
        method: "POST",
        body: new FormData(form),
        headers: { Accept: "application/json" },
      });
      if (response.status === 409) {
        this.say((await response.json()).refused, true);
        return;
      }
      if (!response.ok) throw new TypeError(String(response.status));
      this.kept(await response.json(), sent ? sheet : null);
    } catch {
      this.isChanged = true;
      this.say(form.dataset.textFailed, true);
      this.plan(AGAIN);
    } finally {
      this.isSaving = false;
      if (this.isChanged && !this.isLeaving) this.plan(Math.max(WAIT, 0));
    }
  },

  kept(answer, sheet) {
    const form = this.$root;
    form.elements.version.value = answer.version;
    const problems = Object.entries(answer.problems);
    const texts = problems.map(([, text]) => text);
    this.say(problems.length ? `${form.dataset.textProblem} ${texts.join(" ")}` : answer.saved, Boolean(problems.length));
    for (const place of form.querySelectorAll("[data-problem-of]")) {
      const text = answer.problems[place.dataset.problemOf];
      place.hidden = !text;
      place.querySelector("span").textContent = text ?? "";
    }
    // Kept by the server now: the same bytes need not travel with every further change.
    if (sheet && !answer.problems.file) sheet.value = "";
    form.dispatchEvent(new CustomEvent("kept", { bubbles: true }));
  },

  say(text, isProblem = false) {
    const place = this.$root.querySelector("[data-save-state]");
    place.textContent = text;
    place.classList.toggle("is-problem", isProblem);
  },
});

export default (Alpine) => Alpine.data("stepForm", step);
