/* Makes forms kinder; each of them works without it. */
(() => {
  "use strict";

  const FAR_FROM_THE_END = 200;
  let isSending = false;

  /* Signs are counted as the service counts them: a line break is one, a letter outside the basic plane too. */
  const signs = (text) => Array.from(text.replace(/\r\n?/g, "\n").trim()).length;

  const countSigns = (area) => {
    const told = area.parentElement.querySelector(".rm-count");
    const left = Number(area.dataset.most) - signs(area.value);
    told.hidden = left > FAR_FROM_THE_END;
    told.classList.toggle("rm-over", left < 0);
    told.textContent = (left < 0 ? told.dataset.over : told.dataset.left).replace("{n}", String(Math.abs(left)));
  };

  for (const area of document.querySelectorAll("textarea[data-most]")) {
    area.addEventListener("input", () => countSigns(area));
    countSigns(area);
  }

  for (const form of document.querySelectorAll("form[data-once]")) {
    form.addEventListener("submit", (event) => {
      if (isSending) {
        event.preventDefault();
        return;
      }
      isSending = true;
      for (const button of form.querySelectorAll("button")) button.setAttribute("aria-disabled", "true");
    });
  }

  /* Back from the cache of the browser the page is as it was, also its sent form. */
  window.addEventListener("pageshow", () => {
    isSending = false;
    for (const button of document.querySelectorAll("button[aria-disabled]")) button.removeAttribute("aria-disabled");
  });

  const isWritten = (form) =>
    "unsent" in form.dataset ||
    Array.from(form.elements).some((field) =>
      field.type === "radio" ? field.checked !== field.defaultChecked : field.value !== field.defaultValue
    );

  /* Another language is another page: what is written goes along with the person, in this tab only. */
  const KEPT = "riskmap:written";
  const pathOf = (form) => new URL(form.action).pathname;

  const keep = () => {
    const written = Array.from(document.querySelectorAll("form[data-written]")).filter(isWritten);
    const fields = (form) => Array.from(form.elements).filter((f) => f.name && f.type !== "hidden" && f.type !== "file" && (f.type !== "radio" || f.checked));
    const kept = Object.fromEntries(written.map((form) => [pathOf(form), fields(form).map((f) => [f.name, f.value])]));
    sessionStorage.setItem(KEPT, JSON.stringify(kept));
    isSending = written.length > 0;
  };

  const bringBack = () => {
    const kept = JSON.parse(sessionStorage.getItem(KEPT) || "{}");
    sessionStorage.removeItem(KEPT);
    for (const form of document.querySelectorAll("form[data-written]")) {
      for (const [name, value] of kept[pathOf(form)] || []) {
        for (const field of form.querySelectorAll(`[name="${CSS.escape(name)}"]`)) {
          if (field.type === "radio") field.checked = field.value === value;
          else field.value = value;
          if (field.dataset.most) countSigns(field);
        }
        form.closest("details")?.setAttribute("open", "");
      }
    }
  };

  for (const link of document.querySelectorAll(".rm-lang a")) link.addEventListener("click", keep);
  bringBack();

  window.addEventListener("beforeunload", (event) => {
    const written = Array.from(document.querySelectorAll("form[data-written], form[data-unsent]")).some(isWritten);
    if (!isSending && written) event.preventDefault();
  });

  document.querySelector("[data-focus]")?.focus();
})();
