// The page of an import: a fresh page part when it moves on from reading to importing, and to its end.

export default (Alpine) =>
  Alpine.data("importLive", () => ({
    follow(event) {
      const shown = this.$root.querySelector("[data-status]")?.dataset.status;
      if (event.detail.status !== shown) this.$refs.part.dispatchEvent(new CustomEvent("changed"));
    },
  }));
