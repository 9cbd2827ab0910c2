// The page of an import: a fresh page part when it moves on, by what the server tells or, without that, by asking.

const ASK_EVERY = 3; // seconds, while the import moves

export default (Alpine) =>
  Alpine.data("importLive", () => ({
    isChanged: false,

    init() {
      this.asking = setInterval(() => this.shown?.isMoving !== undefined && this.refresh(), ASK_EVERY * 1000);
    },

    destroy() {
      clearInterval(this.asking);
    },

    get shown() {
      return this.$root.querySelector("[data-status]")?.dataset;
    },

    get isAsRead() {
      return !this.isChanged;
    },

    get checkLook() {
      return this.isChanged ? "btn-primary" : "";
    },

    follow(event) {
      const { status, undone } = event.detail;
      if (status !== this.shown?.status || (undone && this.shown.undo !== "undone")) this.refresh();
    },

    // What somebody is choosing is not taken from under their hands.
    refetch() {
      if (this.isAsRead) this.refresh();
    },

    edited() {
      this.isChanged = true;
    },

    refresh() {
      this.$refs.part.dispatchEvent(new CustomEvent("changed"));
    },
  }));
