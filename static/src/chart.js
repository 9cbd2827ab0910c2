// Chart.js in the colours of the page. Load it where a chart is drawn: const { Chart } = await import("./chart.js").

import {
  BarController, BarElement, CategoryScale, Chart, DoughnutController, ArcElement, Filler, Legend, LinearScale,
  LineController, LineElement, PointElement, Tooltip,
} from "chart.js";

Chart.register(
  BarController, BarElement, CategoryScale, DoughnutController, ArcElement, Filler, Legend, LinearScale,
  LineController, LineElement, PointElement, Tooltip,
);

// A canvas understands plain colours only; the page's own are computed ones, so an element resolves them.
export function colour(name) {
  const probe = document.createElement("span");
  probe.style.color = `var(--${name})`;
  document.body.append(probe);
  const value = getComputedStyle(probe).color;
  probe.remove();
  return value;
}

function useColoursOfPage() {
  Chart.defaults.font.family = getComputedStyle(document.body).fontFamily;
  Chart.defaults.color = colour("tblr-secondary-color");
  Chart.defaults.borderColor = colour("tblr-border-color");
  Chart.defaults.animation = !window.matchMedia("(prefers-reduced-motion: reduce)").matches && { duration: 300 };
  Chart.defaults.maintainAspectRatio = false;
}

useColoursOfPage();
document.addEventListener("theme:changed", () => {
  useColoursOfPage();
  for (const chart of Object.values(Chart.instances)) chart.update("none");
});

export { Chart };
