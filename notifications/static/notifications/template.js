// Shows a template with the examples of its kind, and its length, while it is typed.
// The server knows how; this only asks.
"use strict";

document.addEventListener("DOMContentLoaded", () => {
  const preview = document.getElementById("template-preview");
  const form = preview && preview.closest("form");
  if (!form) return;

  const text = form.elements.text;
  const kind = form.elements.kind;
  if (!text || !kind) return;
  let asked = 0;
  let timer;

  async function refresh() {
    const mine = ++asked;
    const body = new FormData();
    for (const name of ["csrfmiddlewaretoken", "kind", "text"]) {
      body.append(name, form.elements[name].value);
    }
    const answer = await fetch(preview.dataset.url, { method: "POST", body });
    // An older answer may come after a newer one.
    if (!answer.ok || mine !== asked) return;
    const shown = await answer.json();
    preview.querySelector(".template-text").textContent = shown.text;
    preview.querySelector(".template-summary").textContent = shown.summary;
    preview.querySelector(".template-variables").textContent = shown.variables;
  }

  function soon() {
    clearTimeout(timer);
    timer = setTimeout(refresh, 200);
  }

  text.addEventListener("input", soon);
  kind.addEventListener("change", soon);
  soon();
});
