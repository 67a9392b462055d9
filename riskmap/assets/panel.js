/*
 * Fills the words beside the map after a choice on it: riskmap/public/map_panel.py answers, Streamlit is not asked.
 *
 * The map tells a choice by the event "riskmap:pick" on this window, with {cell, area}. The panel carries the address
 * that answers (data-source) and what to say where no answer comes (data-failed). The choice goes into the page's
 * address too, so that it can be shared. Streamlit does not read the address again, so it is told the choice before it
 * hears of anything else a person does on the page.
 */
const CONTROLS = "button, input, [role=combobox], [role=option]";
let asked = 0;
let tellStreamlit = null;

for (const kind of ["pointerdown", "keydown", "click"]) {
  document.addEventListener(kind, (event) => {
    if (!tellStreamlit || !event.target.closest(CONTROLS) || event.target.closest(".rm-panel")) return;
    tellStreamlit();
    tellStreamlit = null;
  }, true);
}

async function fill(detail) {
  const panel = document.querySelector(".rm-panel");
  if (!panel) return;
  const chosen = { cell: detail.cell, area: detail.cell ? null : detail.area };
  const view = new URL(window.location.href);
  const source = new URL(panel.dataset.source, view);
  for (const [name, value] of Object.entries(chosen)) {
    if (value) view.searchParams.set(name, value);
    else view.searchParams.delete(name);
    if (value) source.searchParams.set(name, value);
  }
  window.history.replaceState(window.history.state, "", view);
  tellStreamlit = detail.keep;
  const turn = ++asked;
  panel.setAttribute("aria-busy", "true");
  const answer = await fetch(source)
    .then((found) => (found.headers.has("etag") ? found.text() : null)) // without one a proxy answered, not riskmap
    .catch(() => null);
  if (turn !== asked) return; // a later choice is being answered
  panel.removeAttribute("aria-busy");
  if (answer !== null) {
    panel.innerHTML = answer;
    return;
  }
  const note = Object.assign(document.createElement("p"), { className: "rm-note", textContent: panel.dataset.failed });
  note.setAttribute("role", "alert");
  panel.querySelector(":scope > .rm-note")?.remove();
  panel.prepend(note);
}

window.addEventListener("riskmap:pick", ({ detail }) => fill(detail));
if (window.riskmapPick) fill(window.riskmapPick); // a choice that was quicker than this script
