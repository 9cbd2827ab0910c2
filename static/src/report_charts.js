// Charts of a report. Their figures lie in data-charts, which the server renews; the canvases stay, so that a chart
// moves on to its new figures instead of being drawn anew.

const drawn = new WeakMap(); // the place of a chart → the chart

const dashes = { delivered: [6, 3], replied: [2, 3] }; // who cannot tell the colours apart tells the lines

const options = {
  timeline: { type: "line", dataset: (colour, code) => ({ borderColor: colour, backgroundColor: colour, borderWidth: 2, borderDash: dashes[code] ?? [], pointRadius: 0, pointHitRadius: 8, tension: 0.2 }) },
  hours: { type: "bar", dataset: (colour) => ({ backgroundColor: colour, borderRadius: 3, maxBarThickness: 18 }) },
};

export async function drawCharts(root) {
  const source = root.querySelector("[data-charts]");
  if (!source) return;
  const { Chart, colour } = await import("./chart.js");
  const figures = JSON.parse(source.dataset.charts);
  const colours = Object.fromEntries(source.dataset.chartColours.split(" ").map((pair) => pair.split(":")));
  for (const place of source.querySelectorAll("[data-chart]")) {
    const { labels, series } = figures[place.dataset.chart];
    const { type, dataset } = options[place.dataset.chart];
    const datasets = series.map(({ code, label, values }) => ({ code, label, data: values, ...dataset(colour(colours[code]), code) }));
    const chart = drawn.get(place) ?? start(Chart, place, type, colours, colour);
    // Datasets are kept and given new figures: replaced ones would lose what somebody hid in the legend.
    datasets.forEach((each, index) => {
      if (chart.data.datasets[index]) Object.assign(chart.data.datasets[index], each);
      else chart.data.datasets.push(each);
    });
    chart.data.labels = labels;
    chart.update(chart.wasDrawn ? "none" : undefined);
    chart.wasDrawn = true;
  }
}

function start(Chart, place, type, colours, colour) {
  const canvas = document.createElement("canvas");
  canvas.setAttribute("aria-hidden", "true"); // the table below says the same
  place.replaceChildren(canvas);
  const numbers = new Intl.NumberFormat(document.documentElement.lang);
  const chart = new Chart(canvas, {
    type,
    data: { labels: [], datasets: [] },
    options: {
      interaction: { mode: "index", intersect: false },
      plugins: { legend: { position: "bottom", labels: { boxWidth: 10, boxHeight: 10, usePointStyle: true } } },
      scales: {
        x: { grid: { display: false }, ticks: { maxRotation: 0, autoSkipPadding: 16 } },
        y: { beginAtZero: true, border: { display: false }, ticks: { precision: 0, maxTicksLimit: 6, callback: (value) => numbers.format(value) } },
      },
    },
  });
  drawn.set(place, chart);
  document.addEventListener("theme:changed", () => {
    chart.data.datasets.forEach((each) => Object.assign(each, options[place.dataset.chart].dataset(colour(colours[each.code]), each.code)));
    chart.options.scales.y.grid = { color: Chart.defaults.borderColor };
    chart.options.scales.x.ticks.color = chart.options.scales.y.ticks.color = Chart.defaults.color;
    chart.options.plugins.legend.labels.color = Chart.defaults.color;
    chart.update("none");
  });
  return chart;
}
