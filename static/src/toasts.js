// Short notices in the corner. Errors stay until closed; the rest leave after eight seconds.

const SECONDS_ON_SCREEN = 8;

export function toast(text, level = "info") {
  const area = document.getElementById("toasts");
  const template = document.getElementById("toast-template");
  if (!area || !template || !text) return;
  const box = template.content.firstElementChild.cloneNode(true);
  const tone = ["success", "warning", "error"].includes(level) ? level : "info";
  box.classList.add(`notice-${tone}`);
  box.querySelector(`[data-notice-tone="${tone}"]`)?.removeAttribute("hidden");
  box.querySelector("[data-notice-text]").textContent = text;
  // Screen readers interrupt for an error and wait their turn for the rest.
  box.setAttribute("role", tone === "error" ? "alert" : "status");
  area.append(box);
  if (tone !== "error") setTimeout(() => box.remove(), SECONDS_ON_SCREEN * 1000);
}

document.addEventListener("click", (event) => {
  const button = event.target.closest("[data-dismiss-notice]");
  button?.closest(".notice")?.remove();
});
