// The form of variants: shows one more text at a time.

document.addEventListener("click", (event) => {
  const button = event.target.closest("[data-add-variant]");
  if (!button) return;
  const form = button.closest("[data-variants-form]");
  const next = form.querySelector("[data-variant][hidden]");
  if (next) {
    next.hidden = false;
    next.querySelector("textarea").focus();
  }
  button.hidden = !form.querySelector("[data-variant][hidden]");
});
