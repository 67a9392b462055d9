/*
 * The map of a plain page. Everything it shows stands in attributes of #council-map, filled by templates/_map.html:
 *
 *     data-map         {leaflet, options, state} as riskmap/public/map_view.py (page_map) writes them
 *     data-pick-url    address to go to with a chosen cell: #pick-go becomes a link to it, #pick-said tells the cell
 *     data-marked-url  address for a cell that has a mark; pressing such a cell goes there
 *
 * Both addresses get the cell as their parameter `cell`. Without this script the page says the same in its lists.
 */
"use strict";
(function () {
  const container = document.getElementById("council-map");
  if (!container || !window.L || !window.riskmapH3Canvas) return;
  const { leaflet, options, state } = JSON.parse(container.dataset.map);
  const { pickUrl, markedUrl } = container.dataset;
  const [said, go] = ["pick-said", "pick-go"].map((id) => document.getElementById(id));

  const withCell = (address, cell) => {
    const wanted = new URL(address, window.location.href);
    wanted.searchParams.set("cell", cell);
    return wanted.pathname + wanted.search + wanted.hash;
  };

  window.riskmapMapState = { ...window.riskmapMapState, [state.name]: state };
  container.hidden = false;
  window.riskmapH3Canvas(window.L.map(container, leaflet), options);

  container.addEventListener("riskmap:pick", ({ detail }) => {
    if (detail.cell && detail.marks && markedUrl) {
      window.location.assign(withCell(markedUrl, detail.cell));
      return;
    }
    if (said) said.textContent = detail.said;
    if (!go || !pickUrl) return;
    go.hidden = !detail.cell;
    if (detail.cell) go.href = withCell(pickUrl, detail.cell);
  });
})();
