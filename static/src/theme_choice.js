// The menu with light, dark and "same as system". theme.js applies what is chosen here.

function markChosen() {
  const chosen = document.documentElement.dataset.themeChoice ?? "system";
  for (const button of document.querySelectorAll("[data-theme-choice-value]")) {
    button.setAttribute("aria-pressed", String(button.dataset.themeChoiceValue === chosen));
  }
}

document.addEventListener("click", (event) => {
  const button = event.target.closest("[data-theme-choice-value]");
  if (!button) return;
  const choice = button.dataset.themeChoiceValue;
  try {
    if (choice === "system") localStorage.removeItem("theme");
    else localStorage.setItem("theme", choice);
  } catch {
    return; // storage is switched off: the system's theme stays
  }
  document.dispatchEvent(new Event("theme:changed"));
  markChosen();
});

markChosen();
window.addEventListener("storage", markChosen);
