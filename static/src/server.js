// What every htmx request has in common: the CSRF token going out, and plain words when the server says no.

import { toast } from "./toasts.js";

const words = document.documentElement.dataset;

function csrfToken() {
  // Read at the time of the request: signing in again in another tab has changed it.
  return document.cookie.match(/(?:^|; )csrftoken=([^;]+)/)?.[1] ?? "";
}

document.addEventListener("htmx:config:request", (event) => {
  const { request } = event.detail.ctx;
  if (!["GET", "HEAD"].includes(request.method.toUpperCase())) request.headers["X-CSRFToken"] = csrfToken();
});

document.addEventListener("htmx:response:error", (event) => {
  const { status } = event.detail.ctx.response;
  if (status === 422 || status === 400) return; // a form with its errors: it is swapped in
  if (event.detail.ctx.response.headers.has("HX-Redirect")) return; // on its way to the sign-in page
  const text = { 403: words.textForbidden, 404: words.textGone, 429: words.textTooMany }[status];
  toast(text ?? words.textServerError, "error");
});

document.addEventListener("htmx:error", (event) => {
  if (event.detail.error instanceof TypeError) toast(words.textNoConnection, "error"); // what fetch throws without a network
});

// Messages of Django's messages framework, handed over in the HX-Trigger header.
document.addEventListener("flash", (event) => {
  for (const { text, level } of event.detail.messages ?? []) toast(text, level);
});
