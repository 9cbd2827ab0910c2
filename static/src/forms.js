// Small manners of forms: no double submit, copy buttons, shown passwords, and drop zones for files.

// Plain forms only; htmx disables its own through hx-disable.
document.addEventListener("submit", (event) => {
  const form = event.target;
  if (event.defaultPrevented || form.method !== "post" || form.hasAttribute("hx-post")) return;
  const button = event.submitter ?? form.querySelector("button[type=submit], button:not([type])");
  if (!button) return;
  // After this event: a disabled button would not send its own name and value.
  setTimeout(() => {
    button.dataset.label = button.innerHTML;
    button.disabled = true;
    if (button.dataset.submitLabel) button.textContent = button.dataset.submitLabel;
    button.classList.add("btn-waiting");
  });
});

// A page that comes back from the browser's memory must not have a dead button.
window.addEventListener("pageshow", (event) => {
  if (!event.persisted) return;
  for (const button of document.querySelectorAll(".btn-waiting")) {
    button.disabled = false;
    button.innerHTML = button.dataset.label;
    button.classList.remove("btn-waiting");
  }
});

document.addEventListener("click", async (event) => {
  const button = event.target.closest("[data-copy]");
  if (!button) return;
  try {
    await navigator.clipboard.writeText(button.dataset.copy);
  } catch {
    copyThroughSelection(button.dataset.copy); // plain http on another host has no clipboard API
  }
  const label = button.querySelector("[data-copy-label]") ?? button;
  const before = label.textContent;
  label.textContent = button.dataset.copied ?? document.documentElement.dataset.textCopied;
  setTimeout(() => (label.textContent = before), 2000);
});

function copyThroughSelection(text) {
  const area = document.createElement("textarea");
  area.value = text;
  area.className = "visually-hidden";
  document.body.append(area);
  area.select();
  document.execCommand("copy");
  area.remove();
}

document.addEventListener("click", (event) => {
  const button = event.target.closest("[data-show-password]");
  if (!button) return;
  const input = document.getElementById(button.getAttribute("aria-controls"));
  const show = input.type === "password";
  input.type = show ? "text" : "password";
  button.setAttribute("aria-pressed", String(show));
});

const units = ["byte", "kilobyte", "megabyte", "gigabyte"];

function readableSize(bytes) {
  const step = Math.min(units.length - 1, Math.floor(Math.log10(Math.max(bytes, 1)) / 3));
  const format = { style: "unit", unit: units[step], unitDisplay: "short", maximumFractionDigits: step ? 1 : 0 };
  return new Intl.NumberFormat(document.documentElement.lang, format).format(bytes / 1000 ** step);
}

function showChosenFile(zone) {
  const file = zone.querySelector("input[type=file]").files[0];
  zone.classList.toggle("has-file", Boolean(file));
  const name = zone.querySelector("[data-file-name]");
  if (name && file) name.textContent = `${file.name} · ${readableSize(file.size)}`;
}

document.addEventListener("change", (event) => {
  const zone = event.target.matches("input[type=file]") && event.target.closest("[data-file-drop]");
  if (zone) showChosenFile(zone);
});

for (const kind of ["dragover", "dragleave", "drop"]) {
  document.addEventListener(kind, (event) => {
    const zone = event.target.closest?.("[data-file-drop]");
    if (!zone) return;
    event.preventDefault();
    zone.classList.toggle("is-over", kind === "dragover");
    if (kind !== "drop" || !event.dataTransfer.files.length) return;
    const input = zone.querySelector("input[type=file]");
    input.files = event.dataTransfer.files;
    input.dispatchEvent(new Event("change", { bubbles: true }));
  });
}

document.addEventListener("change", (event) => {
  if (event.target.matches("[data-submit-on-change]")) event.target.form.requestSubmit();
});
