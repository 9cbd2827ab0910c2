// The report on a campaign's page: draws its charts, and asks for new figures while the campaign changes. The funnel follows
// each live event by itself; what is counted from the rows is fetched when the server says so, and now and then.

import { drawCharts } from "../report_charts.js";

const RENEW_EVERY = 60; // seconds, while progress comes in; hundreds of people may watch, so that nobody asks at the same time
const SETTLING = 2.5; // seconds from the end of a campaign to a count that holds all of it
const SPREAD = 3; // seconds over which pages ask for what all of them are told at once

export default (Alpine) =>
  Alpine.data("campaignReport", () => ({
    changed: false,

    init() {
      drawCharts(this.$root);
      this.$root.addEventListener("htmx:after:swap", () => {
        this.changed ||= Boolean(this.$root.querySelector("[data-outdated]")); // it was counted a moment too early
        drawCharts(this.$root);
      });
      const topic = this.$root.closest("[data-live-topic]");
      if (!topic) return; // a rehearsal's report stays as it is
      this.status = topic.querySelector("[data-status]")?.dataset.status;
      topic.addEventListener("live:progress", (event) => this.follow(event.detail.status));
      topic.addEventListener("live:report", () => this.counted());
      this.renewing = setInterval(() => this.renew(), RENEW_EVERY * 1000);
    },

    follow(status) {
      const hasMovedOn = this.status && status !== this.status;
      this.status = status;
      this.changed = true;
      if (hasMovedOn) setTimeout(() => this.renew(), (SETTLING + SPREAD * Math.random()) * 1000);
    },

    counted() {
      this.changed = true;
      if (this.$root.querySelector(".report-waiting")) setTimeout(() => this.renew(), SPREAD * Math.random() * 1000);
    },

    renew() {
      if (!this.changed || document.hidden) return;
      this.changed = false;
      this.$root.dispatchEvent(new CustomEvent("renew"));
    },

    destroy() {
      clearInterval(this.renewing);
    },
  }));
