// Runs before the page is drawn, so that a dark page never flashes white. The choice is kept in the browser:
// "light", "dark", or nothing, which follows the system.

const systemIsDark = window.matchMedia("(prefers-color-scheme: dark)");

function chosenTheme() {
  try {
    return localStorage.getItem("theme");
  } catch {
    return null; // storage is switched off: follow the system
  }
}

function applyTheme() {
  const chosen = chosenTheme();
  const dark = chosen === "dark" || (chosen !== "light" && systemIsDark.matches);
  document.documentElement.dataset.bsTheme = dark ? "dark" : "light";
  document.documentElement.dataset.themeChoice = chosen ?? "system";
}

applyTheme();
systemIsDark.addEventListener("change", applyTheme);
window.addEventListener("storage", applyTheme); // the choice was made in another tab
document.addEventListener("theme:changed", applyTheme);
