// The page of a campaign: time left as words, and a fresh page part when the campaign moves on to another status.

// As campaigns/templatetags/campaigns.py writes durations.
function duration(seconds) {
  if (seconds === null || seconds === undefined) return "–";
  const whole = seconds ? Math.max(1, Math.round(seconds)) : 0;
  const hours = Math.floor(whole / 3600);
  const minutes = Math.floor((whole % 3600) / 60);
  if (hours >= 48) return `${Math.round(hours / 24)} days`;
  if (hours) return `${hours} h ${minutes} min`;
  return minutes ? `${minutes} min ${whole % 60} s` : `${whole} s`;
}

export default (Alpine) =>
  Alpine.data("campaignLive", () => ({
    follow(event) {
      for (const element of this.$root.querySelectorAll("[data-live-duration]")) {
        const text = duration(event.detail[element.dataset.liveDuration]);
        if (element.textContent !== text) element.textContent = text;
      }
      const shown = this.$root.querySelector("[data-status]")?.dataset.status;
      if (event.detail.status && shown && event.detail.status !== shown) this.changed();
    },

    changed() {
      this.$refs.campaign.dispatchEvent(new CustomEvent("changed"));
    },
  }));
