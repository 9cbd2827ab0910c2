// One confirmation dialog for the whole product, for plain forms (data-confirm) and for htmx (hx-confirm).

function ask(question, { button, danger }) {
  const dialog = document.getElementById("confirm-dialog");
  if (!dialog) return Promise.resolve(window.confirm(question));
  const confirm = dialog.querySelector("[data-confirm-yes]");
  dialog.querySelector("[data-confirm-question]").textContent = question;
  confirm.textContent = button ?? confirm.dataset.defaultText;
  confirm.classList.toggle("btn-danger", danger);
  confirm.classList.toggle("btn-primary", !danger);
  dialog.returnValue = "";
  dialog.showModal();
  return new Promise((resolve) => {
    dialog.addEventListener("close", () => resolve(dialog.returnValue === "yes"), { once: true });
  });
}

function wording(element) {
  return { button: element.dataset.confirmButton, danger: element.dataset.confirmDanger !== undefined };
}

document.addEventListener("submit", async (event) => {
  const form = event.target;
  const asking = event.submitter?.dataset.confirm ? event.submitter : form;
  if (!asking.dataset.confirm || form.dataset.confirmed) return;
  event.preventDefault();
  event.stopImmediatePropagation();
  if (!(await ask(asking.dataset.confirm, wording(asking)))) return;
  form.dataset.confirmed = "yes";
  form.requestSubmit(event.submitter ?? undefined);
  delete form.dataset.confirmed;
}, { capture: true });

document.addEventListener("htmx:confirm", (event) => {
  const { ctx, issueRequest, dropRequest } = event.detail;
  event.preventDefault();
  ask(ctx.confirm, wording(ctx.sourceElement)).then((yes) => (yes ? issueRequest() : dropRequest()));
});
