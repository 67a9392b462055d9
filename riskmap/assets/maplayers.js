/*
 * Layers beside the hexagons of h3canvas.js: public objects, and the base map an operator gives.
 *
 *     riskmapMapLayers(view)
 *
 * `view` is the map of h3canvas.js. Of its options (riskmap/public/map_view.py) `objects` are [kind, number] and
 * `base_file` is {url, script, min_zoom, max_zoom, bounds} or null. Objects are loaded when one of their switches is
 * pressed first, the script of the base map only where there is a file. Without any of it the map is as it was.
 */
"use strict";
(function () {
  const WORLD = 256; // as in h3canvas.js: width of the world at zoom 0
  const FROM = { camera: 13, light: 15, police: 12, sign: 14, accident: 11 }; // zoom from which a kind is drawn
  const SIZE = { camera: 8, light: 6, police: 10, sign: 7 }; // pixels from the middle to the edge
  const TEXT_FROM_PX = 22; // a hexagon of accidents smaller than this has no number in it
  const ROADS_FROM = 15; // as in h3canvas.js: from here on the territory's own roads carry the colour
  const FONT = '"Noto Sans", system-ui, sans-serif';
  const polygon = (corners, turn) => Array.from({ length: corners }, (_, i) => [Math.sin(turn + (2 * Math.PI * i) / corners), -Math.cos(turn + (2 * Math.PI * i) / corners)]);
  const cross = (turn) => {
    const arms = [[-0.3, -1], [0.3, -1], [0.3, -0.3], [1, -0.3], [1, 0.3], [0.3, 0.3], [0.3, 1], [-0.3, 1], [-0.3, 0.3], [-1, 0.3], [-1, -0.3], [-0.3, -0.3]];
    return arms.map(([x, y]) => [x * Math.cos(turn) - y * Math.sin(turn), x * Math.sin(turn) + y * Math.cos(turn)]);
  };
  const SHAPES = { camera: polygon(3, 0), light: cross(0), police: polygon(5, 0), sign: cross(Math.PI / 4), accident: polygon(6, Math.PI / 6) };

  function project([lng, lat]) {
    const sine = Math.sin((lat * Math.PI) / 180);
    return [(lng / 360 + 0.5) * WORLD, (0.5 - Math.log((1 + sine) / (1 - sine)) / (4 * Math.PI)) * WORLD];
  }

  function trace(context, corners) {
    context.beginPath();
    corners.forEach(([x, y], i) => (i ? context.lineTo(x, y) : context.moveTo(x, y)));
    context.closePath();
  }

  /** Filled shapes with a halo, so that they stand out from every class; kinds differ by shape, never by colour alone. */
  function drawObject(context, kind, x, y, palette, size = SIZE[kind]) {
    trace(context, SHAPES[kind].map(([dx, dy]) => [x + dx * size, y + dy * size]));
    context.setLineDash([]);
    context.lineJoin = "round";
    context.strokeStyle = palette.halo;
    context.lineWidth = 4;
    context.stroke();
    context.fillStyle = palette.selection;
    context.fill();
  }

  function drawHexagon(context, corners, words, palette) {
    for (const [colour, width, dash] of [[palette.halo, 6, []], [palette.selection, 2.5, [7, 5]]]) {
      trace(context, corners);
      context.strokeStyle = colour;
      context.lineWidth = width;
      context.setLineDash(dash);
      context.stroke();
    }
    if (!words) return;
    const [x, y] = [0, 1].map((axis) => corners.reduce((sum, corner) => sum + corner[axis], 0) / corners.length);
    context.setLineDash([]);
    context.font = `600 13px ${FONT}`;
    context.textAlign = "center";
    context.textBaseline = "middle";
    context.lineJoin = "round";
    context.strokeStyle = palette.halo;
    context.lineWidth = 4;
    context.strokeText(words, x, y);
    context.fillStyle = palette.selection;
    context.fillText(words, x, y);
  }

  /** One kind of objects, drawn by tiles: there may be tens of thousands. */
  const ObjectLayer = L.GridLayer.extend({
    initialize(kind, features, palette, options) {
      L.GridLayer.prototype.initialize.call(this, options);
      Object.assign(this, { kind, palette });
      this.places = [];
      this.hexagons = [];
      for (const { geometry, properties } of features) {
        if (geometry.type === "MultiPoint") for (const place of geometry.coordinates) this.places.push(project(place));
        else if (geometry.type === "Polygon") {
          const corners = geometry.coordinates[0].slice(0, -1).map(project);
          this.hexagons.push({ corners, words: properties.high ? `${properties.low}–${properties.high}` : `${properties.low}+` });
        }
      }
    },

    createTile(coords) {
      const canvas = document.createElement("canvas");
      const size = this.getTileSize().x;
      const ratio = Math.min(window.devicePixelRatio || 1, 2.5);
      canvas.width = canvas.height = size * ratio;
      const context = canvas.getContext("2d");
      context.scale(ratio, ratio);
      const scale = (size / WORLD) * 2 ** coords.z;
      const at = ([x, y]) => [x * scale - coords.x * size, y * scale - coords.y * size];
      const margin = 16;
      for (const place of this.places) {
        const [x, y] = at(place);
        if (x > -margin && y > -margin && x < size + margin && y < size + margin) drawObject(context, this.kind, x, y, this.palette);
      }
      for (const { corners, words } of this.hexagons) {
        const drawn = corners.map(at);
        const radius = Math.hypot(drawn[0][0] - drawn[3 % drawn.length][0], drawn[0][1] - drawn[3 % drawn.length][1]) / 2;
        const [x, y] = drawn[0];
        const reach = 2 * radius + margin;
        if (x < -reach || y < -reach || x > size + reach || y > size + reach) continue;
        drawHexagon(context, drawn, radius >= TEXT_FROM_PX ? words : "", this.palette);
      }
      return canvas;
    },
  });

  // --- public objects ------------------------------------------------------------------------------------------------

  class ObjectLayers {
    constructor(view) {
      this.view = view;
      this.layers = new Map();
      this.switches = new Map(view.options.objects.map(([kind]) => [kind, this.prepareSwitch(kind)]));
      this.hint = view.layers.appendChild(Object.assign(document.createElement("p"), { className: "rm-layers-hint", hidden: true }));
      const pane = view.map.createPane("rm-objects");
      pane.style.zIndex = 440;
      pane.style.pointerEvents = "none";
      view.map.on("zoomend", () => this.tell());
      view.dark.addEventListener("change", () => this.repaint());
      this.showWords();
    }

    prepareSwitch(kind) {
      const label = this.view.layers.appendChild(document.createElement("label"));
      const box = label.appendChild(Object.assign(document.createElement("input"), { type: "checkbox" }));
      box.dataset.kind = kind;
      const sign = label.appendChild(Object.assign(document.createElement("canvas"), { className: "rm-layers-sign" }));
      sign.setAttribute("aria-hidden", "true");
      label.append(document.createElement("span"));
      box.addEventListener("change", () => this.toggle(kind, box));
      return label;
    }

    drawSign(kind, canvas) {
      canvas.width = canvas.height = 48;
      const context = canvas.getContext("2d");
      context.scale(2, 2);
      const { palette } = this.view;
      if (kind === "accident") drawHexagon(context, SHAPES.accident.map(([x, y]) => [12 + 9 * x, 12 + 9 * y]), "", palette);
      else drawObject(context, kind, 12, 12, palette, 8);
    }

    showWords() {
      for (const [kind, label] of this.switches) {
        label.lastChild.textContent = this.view.text(`object_${kind}`);
        this.drawSign(kind, label.children[1]);
      }
      this.tell();
    }

    async toggle(kind, box) {
      const { view } = this;
      const name = this.switches.get(kind).lastChild.textContent;
      if (!box.checked) {
        this.layers.get(kind)?.remove();
        view.announce([name, view.text("layer_off")]);
        return this.tell();
      }
      try {
        const features = await this.load();
        if (!this.layers.has(kind)) {
          const own = features.filter((feature) => feature.properties.kind === kind);
          this.layers.set(kind, new ObjectLayer(kind, own, view.palette, { pane: "rm-objects", minZoom: FROM[kind], updateWhenIdle: false }));
        }
        if (box.checked) this.layers.get(kind).addTo(view.map);
        this.tell();
        view.announce([name, view.text("layer_on"), this.hint.hidden ? "" : this.hint.textContent]);
      } catch (problem) {
        console.warn("riskmap:", problem.message);
        box.checked = false;
        this.tell(view.text("objects_failed"));
        view.announce([this.hint.textContent]);
      }
    }

    /** Asked for once; after a failure the next press asks again. */
    load() {
      this.loading ||= fetch(`${this.view.options.release_url}/objects.geojson`, { signal: AbortSignal.timeout(60000) })
        .then((answer) => {
          if (!answer.ok) throw new Error(`objects.geojson: ${answer.status}`);
          return answer.json();
        })
        .then((geojson) => geojson.features)
        .catch((problem) => {
          this.loading = null;
          throw problem;
        });
      return this.loading;
    }

    /** Says below the switches what is chosen but not seen at this zoom. */
    tell(problem = "") {
      const isFar = [...this.layers].some(([kind, layer]) => this.view.map.hasLayer(layer) && this.view.map.getZoom() < FROM[kind]);
      this.hint.textContent = problem || (isFar ? this.view.text("objects_nearer") : "");
      this.hint.hidden = !this.hint.textContent;
    }

    repaint() {
      this.showWords();
      for (const layer of this.layers.values()) {
        layer.palette = this.view.palette;
        if (this.view.map.hasLayer(layer)) layer.redraw();
      }
    }
  }

  // --- base map ------------------------------------------------------------------------------------------------------

  const GREEN = /park|forest|wood|grass|garden|cemetery|meadow|nature|recreation|pitch/;
  const MAIN = /highway|motorway|trunk|primary|major|avenue|main/;
  const RAIL = /rail|transit/;
  const kindOf = ({ props }) => `${props.kind || ""} ${props.class || ""} ${props.kind_detail || ""} ${props.highway || ""}`;
  const layersNamed = (names, rule) => names.map((dataLayer) => ({ dataLayer, ...rule }));

  /** What lies under the hexagons; layers are called as in the schemes Protomaps, OpenMapTiles and Shortbread. */
  function groundRules(p, palette) {
    const fill = (colour, opacity = 1) => new p.PolygonSymbolizer({ fill: colour, opacity });
    const isArea = (feature) => feature.geomType === 3;
    return [
      ...layersNamed(["landuse", "landcover", "park", "natural", "land"], { symbolizer: fill(palette.park), filter: (_zoom, f) => isArea(f) && GREEN.test(kindOf(f)) }),
      ...layersNamed(["water", "ocean", "water_polygons"], { symbolizer: fill(palette.water), filter: (_zoom, f) => isArea(f) }),
      ...layersNamed(["buildings", "building"], { symbolizer: fill(palette.edge, 0.3), minzoom: 14, filter: (_zoom, f) => isArea(f) }),
    ];
  }

  /** Lines and names over the hexagons. Near, where the territory's own roads carry the colour, none is drawn over them. */
  function lineRules(p, palette, hasOwnRoads) {
    const line = (color, width, dash) => new p.LineSymbolizer({ color, width, ...(dash ? { dash, dashColor: color, dashWidth: width } : {}) });
    const isLine = (feature) => feature.geomType === 2;
    const roads = ["roads", "transportation", "streets"];
    const until = hasOwnRoads ? { maxzoom: ROADS_FROM - 1 } : {};
    return [
      ...layersNamed(["water", "waterway", "water_lines", "physical_line"], { symbolizer: line(palette.water, 1.5), filter: (_zoom, f) => isLine(f) }),
      ...layersNamed(["boundaries", "boundary"], { symbolizer: line(palette.area_line, 1, [4, 4]), filter: (_zoom, f) => isLine(f) }),
      ...layersNamed(roads, { symbolizer: line(palette.railway, 1.6, [7, 4]), filter: (_zoom, f) => isLine(f) && RAIL.test(kindOf(f)) }),
      ...layersNamed(roads, { ...until, minzoom: 12, symbolizer: line(palette.street, 1), filter: (_zoom, f) => isLine(f) && !RAIL.test(kindOf(f)) && !MAIN.test(kindOf(f)) }),
      ...layersNamed(roads, { ...until, symbolizer: line(palette.street, 2.2), filter: (_zoom, f) => isLine(f) && MAIN.test(kindOf(f)) }),
    ];
  }

  function nameRules(p, palette, language) {
    const style = { fill: palette.selection, stroke: palette.halo, width: 3, labelProps: [`name:${language}`, `name_${language}`, "name"] };
    return [
      ...layersNamed(["places", "place", "place_labels"], { symbolizer: new p.CenteredTextSymbolizer({ ...style, font: `600 13px ${FONT}` }) }),
      ...layersNamed(["roads", "transportation_name", "street_labels"], { minzoom: 14, filter: (_zoom, f) => f.geomType === 2, symbolizer: new p.LineLabelSymbolizer({ ...style, font: `400 12px ${FONT}` }) }),
    ];
  }

  function addScript(address) {
    return new Promise((resolve, reject) => {
      if (window.protomapsL) return resolve();
      const script = Object.assign(document.createElement("script"), { src: address });
      script.addEventListener("load", () => resolve());
      script.addEventListener("error", () => reject(new Error(`${address} did not load`)));
      document.head.append(script);
    });
  }

  class BaseMap {
    constructor(view) {
      this.view = view;
      for (const [name, z] of [["baseground", 210], ["baselines", 335]]) {
        const pane = view.map.createPane(`rm-${name}`);
        pane.style.zIndex = z;
        pane.style.pointerEvents = "none";
      }
    }

    async show() {
      const { view } = this;
      const { url, script, bounds } = view.options.base_file;
      await addScript(script);
      this.protomaps = window.protomapsL;
      const source = new this.protomaps.PmtilesSource(new URL(url, window.location.href).href, true).p;
      const header = await source.getHeader(); // a file that cannot be read ends here
      const [south, west, north, east] = bounds;
      const shared = { url: source, attribution: "", bounds: [[south, west], [north, east]], maxDataZoom: header.maxZoom, flavor: "" };
      this.ground = this.protomaps.leafletLayer({ ...shared, pane: "rm-baseground" });
      this.lines = this.protomaps.leafletLayer({ ...shared, pane: "rm-baselines" });
      this.lines.views = this.ground.views; // each tile is asked for once
      this.dress();
      this.ground.addTo(view.map);
      this.lines.addTo(view.map);
      // The territory's own streets give way only where the file holds all of the map.
      const [s, w, n, e] = view.options.bounds;
      view.container.classList.toggle("rm-has-base", south <= s && west <= w && north >= n && east >= e);
      view.dark.addEventListener("change", () => this.redress());
      this.showWords();
    }

    dress() {
      const { view, protomaps } = this;
      this.language = view.state.language || "kk";
      this.ground.paintRules = groundRules(protomaps, view.palette);
      this.lines.paintRules = lineRules(protomaps, view.palette, view.options.has_basemap);
      this.lines.labelRules = nameRules(protomaps, view.palette, this.language);
      for (const layer of [this.ground, this.lines]) layer.clearLayout();
    }

    redress() {
      this.dress();
      for (const layer of [this.ground, this.lines]) layer.rerenderTiles();
    }

    showWords() {
      const lines = this.view.switches.get("lines");
      if (this.lines && lines) lines.hidden = false;
      if (this.lines && this.language !== (this.view.state.language || "kk")) this.redress();
    }
  }

  /** Whose work the base map is, as plain text. */
  function credit(view) {
    if (!view.options.base_attribution || !view.map.attributionControl) return;
    const plain = Object.assign(document.createElement("span"), { textContent: view.options.base_attribution });
    view.map.attributionControl.addAttribution(plain.innerHTML);
  }

  window.riskmapMapLayers = function (view) {
    const { options } = view;
    const parts = [];
    if (options.objects?.length) parts.push(new ObjectLayers(view));
    if (options.base_file) {
      const base = new BaseMap(view);
      parts.push(base);
      base.show().then(
        () => credit(view),
        (problem) => {
          console.warn("riskmap:", problem.message); // the map says the same without
          if (options.tile_url) credit(view);
        },
      );
    } else if (options.tile_url) credit(view);
    if (!parts.length) return;
    // h3canvas.js hears first, so its state is the newest one.
    const hear = () => parts.forEach((part) => part.showWords());
    window.parent.addEventListener("riskmap:state", hear);
    window.addEventListener("pagehide", () => window.parent.removeEventListener("riskmap:state", hear));
  };
})();
