// Live parts of a page. An element with data-live-topic="batch.12" gets a WebSocket to /ws/batch.12; every message
// {"type": "progress", ...} becomes the DOM event "live:progress" on that element, with the message as its detail.
//
// Nothing is trusted to have arrived: after any gap the element gets "live:refetch", and whoever shows figures asks
// the server for the truth. Until then the page says as of when its figures are.

const FIRST_WAIT = 1; // seconds; doubles up to
const LONGEST_WAIT = 30;
const PING_EVERY = 20; // a connection can die without closing: ask now and then, and
const PONG_WITHIN = 10; // give it up when nothing at all comes back
const STEADY_AFTER = 5; // a server that lets in and throws out at once must not be asked every second
const NAP = 60; // a tab that was hidden for longer refetches even when its connection seems fine
const CLOSED_SESSION_ENDED = 4401;
const CLOSED_UNKNOWN_TOPIC = 4404;

const html = document.documentElement;
const topics = new Map();

export function formatNumber(value) {
  return new Intl.NumberFormat(html.lang).format(value);
}

export function formatClock(date) {
  const format = { hour: "2-digit", minute: "2-digit", second: "2-digit", hourCycle: "h23", timeZoneName: "short" };
  const timeZone = html.dataset.timezone || undefined;
  const parts = new Intl.DateTimeFormat(html.lang, { ...format, timeZone }).formatToParts(date);
  const clock = parts.filter(({ type }) => ["hour", "minute", "second"].includes(type)).map(({ value }) => value);
  // The browser writes GMT+7 where the server knows the name of the zone; the server's name wins.
  const zone = html.dataset.timezoneName || parts.find(({ type }) => type === "timeZoneName")?.value;
  return `${clock.join(":")} ${zone}`;
}

function valueAt(message, path) {
  return path.split(".").reduce((value, key) => value?.[key], message);
}

class LiveTopic {
  constructor(root) {
    this.root = root;
    this.failures = 0;
    this.hadConnection = false;
    this.asOf = new Date(root.dataset.liveAsOf || Date.now());
    this.connect();
  }

  connect() {
    this.show(this.hadConnection ? "stale" : "connecting");
    const scheme = location.protocol === "https:" ? "wss:" : "ws:";
    const socket = new WebSocket(`${scheme}//${location.host}/ws/${this.root.dataset.liveTopic}`);
    this.socket = socket;
    // A connection that was given up may still report its end, minutes later: only the present one counts.
    const whilePresent = (handle) => (event) => socket === this.socket && handle(event);
    socket.addEventListener("open", whilePresent(() => this.opened()));
    socket.addEventListener("message", whilePresent((event) => this.received(event)));
    socket.addEventListener("close", whilePresent((event) => this.closed(event.code)));
  }

  opened() {
    const isReturn = this.hadConnection || this.failures > 0;
    this.hadConnection = true;
    this.becomingSteady = setTimeout(() => (this.failures = 0), STEADY_AFTER * 1000);
    this.show("live");
    this.pinging = setInterval(() => this.ping(), PING_EVERY * 1000);
    if (isReturn) this.refetch();
  }

  ping() {
    this.socket.send('{"type": "ping"}');
    this.giveUp ??= setTimeout(() => this.abandon(), PONG_WITHIN * 1000);
  }

  abandon() {
    const { socket } = this;
    this.closed();
    socket.close(); // on a dead connection the browser may take minutes to report it
  }

  received(event) {
    clearTimeout(this.giveUp);
    this.giveUp = undefined;
    if (!this.root.isConnected) return this.stop();
    const message = JSON.parse(event.data);
    this.asOf = message.at ? new Date(message.at) : new Date();
    this.show("live");
    if (message.type === "pong") return;
    fillIn(this.root, message);
    this.root.dispatchEvent(new CustomEvent(`live:${message.type}`, { detail: message }));
  }

  refetch() {
    this.root.dispatchEvent(new CustomEvent("live:refetch", { detail: {} }));
  }

  closed(code) {
    this.socket = null;
    this.stopTimers();
    if (code === CLOSED_SESSION_ENDED) return this.show("ended");
    if (code === CLOSED_UNKNOWN_TOPIC) return this.show("unknown");
    if (!this.root.isConnected) return this.stop();
    this.show("stale");
    const wait = Math.min(LONGEST_WAIT, FIRST_WAIT * 2 ** this.failures++) * (0.75 + Math.random() / 2);
    this.retrying = setTimeout(() => this.retry(), wait * 1000);
  }

  retry() {
    clearTimeout(this.retrying);
    this.retrying = undefined;
    if (!this.root.isConnected) return this.stop();
    this.connect();
  }

  stop() {
    topics.delete(this.root);
    clearTimeout(this.retrying);
    this.stopTimers();
    const { socket } = this;
    this.socket = null;
    socket?.close();
  }

  stopTimers() {
    clearInterval(this.pinging);
    clearTimeout(this.becomingSteady);
    clearTimeout(this.giveUp);
    this.giveUp = undefined;
  }

  show(state) {
    this.root.dataset.liveState = state;
    for (const box of this.root.querySelectorAll("[data-live-status]")) {
      for (const line of box.querySelectorAll("[data-live-when]")) {
        line.hidden = line.dataset.liveWhen !== state;
        const text = line.querySelector("[data-live-sentence]");
        if (text) setText(text, text.dataset.liveSentence.replace("{time}", formatClock(this.asOf)));
      }
    }
  }
}

// Figures written straight from a message: data-live-text="counts.sent", data-live-progress="done/total".
function fillIn(root, message) {
  for (const element of root.querySelectorAll("[data-live-text]")) {
    const value = valueAt(message, element.dataset.liveText);
    if (value !== undefined) setText(element, typeof value === "number" ? formatNumber(value) : (value ?? "–"));
  }
  for (const element of root.querySelectorAll("[data-live-progress]")) {
    const [value, max] = element.dataset.liveProgress.split("/").map((path) => valueAt(message, path));
    if (value !== undefined && max !== undefined) showProgress(element, value, max);
  }
  showShares(root, message);
}

// Shares of a report, as the server writes them: nothing rounds up to 100 % or down to 0 %.
function showShares(root, message) {
  for (const element of root.querySelectorAll("[data-live-share], [data-live-width]")) {
    const [value, max] = (element.dataset.liveShare ?? element.dataset.liveWidth).split("/").map((path) => valueAt(message, path));
    if (value === undefined || max === undefined) continue;
    if (element.dataset.liveWidth) element.style.width = `${max > 0 ? (100 * value) / max : 0}%`;
    else setText(element, max > 0 ? `${formatShare(value, max)} %` : "–");
  }
}

function formatShare(value, max) {
  let share = Math.round((1000 * value) / max) / 10;
  if (share >= 100 && value < max) share = 99.9;
  if (share === 0 && value > 0) share = 0.1;
  const digits = share === 0 || share === 100 ? 0 : 1;
  return new Intl.NumberFormat(html.lang, { minimumFractionDigits: digits, maximumFractionDigits: digits }).format(share);
}

export function percentage(value, max) {
  return max > 0 ? Math.floor((100 * value) / max) : 0; // 100 only when it is all done
}

function showProgress(element, value, max) {
  const percent = percentage(value, max);
  const bar = element.querySelector("[role=progressbar]");
  bar.setAttribute("aria-valuemax", max);
  bar.setAttribute("aria-valuenow", value);
  bar.firstElementChild.style.width = `${max > 0 ? (100 * value) / max : 0}%`;
  const number = element.querySelector("[data-progress-percent]");
  if (number) setText(number, `${percent}%`);
}

function setText(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

export function watchLiveTopics() {
  for (const [root, topic] of topics) if (!root.isConnected) topic.stop();
  for (const root of document.querySelectorAll("[data-live-topic]")) {
    if (!topics.has(root)) topics.set(root, new LiveTopic(root));
  }
}

let hiddenSince = null;
document.addEventListener("visibilitychange", () => {
  if (document.hidden) {
    hiddenSince = Date.now();
    return;
  }
  const napped = hiddenSince !== null && Date.now() - hiddenSince > NAP * 1000;
  for (const topic of topics.values()) {
    if (topic.retrying) topic.retry();
    else if (napped && topic.root.dataset.liveState === "live") topic.refetch();
  }
});
window.addEventListener("online", () => {
  for (const topic of topics.values()) if (topic.retrying) topic.retry();
});
window.addEventListener("offline", () => {
  for (const topic of topics.values()) if (topic.socket?.readyState === WebSocket.OPEN) topic.abandon();
});

document.addEventListener("htmx:after:swap", watchLiveTopics);
watchLiveTopics();
