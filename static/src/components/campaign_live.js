// The page of a campaign: a fresh page part when the campaign moves on to another status, and now and then. While live
// events bring the figures, only what they do not hold (such as the forecast) has to be fetched.

const LOOK_EVERY = 5; // seconds
const LOOKS_WHILE_LIVE = 6; // only every sixth: hundreds of people may watch one campaign
const WITH_EVENTS = ["running", "paused", "completed", "cancelled"];

export default (Alpine) =>
  Alpine.data("campaignLive", () => ({
    looks: 0,

    init() {
      this.looking = setInterval(() => this.look(), LOOK_EVERY * 1000);
    },

    look() {
      if (document.hidden) return;
      const shown = this.$root.querySelector("[data-status]")?.dataset.status;
      const hasEvents = this.$root.dataset.liveState === "live" && WITH_EVENTS.includes(shown);
      if (!hasEvents || ++this.looks % LOOKS_WHILE_LIVE === 0) this.changed();
    },

    destroy() {
      clearInterval(this.looking);
    },

    follow(event) {
      const shown = this.$root.querySelector("[data-status]")?.dataset.status;
      if (event.detail.status && shown && event.detail.status !== shown) this.changed();
    },

    changed() {
      this.$refs.campaign.dispatchEvent(new CustomEvent("changed"));
    },
  }));
