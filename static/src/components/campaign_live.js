// The page of a campaign: a fresh page part when the campaign moves on to another status.

export default (Alpine) =>
  Alpine.data("campaignLive", () => ({
    follow(event) {
      const shown = this.$root.querySelector("[data-status]")?.dataset.status;
      if (event.detail.status && shown && event.detail.status !== shown) this.changed();
    },

    changed() {
      this.$refs.campaign.dispatchEvent(new CustomEvent("changed"));
    },
  }));
