/*
 * Draws a release of riskmap on a Leaflet map: H3 cells on canvas, areas, basemap, selection, keyboard, words.
 *
 *     riskmapH3Canvas(map, options)
 *
 * `options` are fixed for a release and come from riskmap/public/map_view.py (MapOptions and the palettes). What changes
 * while a person looks (MapState) is read from `parent.riskmapMapState[name]` and again on the parent's event
 * "riskmap:state". A choice leaves as the event "riskmap:pick" on the map's container, and on the window around the map's
 * frame; its detail holds `cell`, `area`, `said` (the choice in words) and `marks` (how many things are marked in the
 * cell). For the window, which also keeps the last one as `riskmapPick`, it holds `keep` too: a function that hands the
 * choice to Streamlit as the map's value {cell, area, n}. Needs Leaflet (L) and h3-js (h3). Formats of cells.bin and
 * classes-*.bin: docs/data_format.md.
 */
"use strict";
(function () {
  const WORLD = 256; // width of the world in projected units, Leaflet's pixels at zoom 0
  const BIN = WORLD / 2 ** 13; // cells are sorted into squares of this width, so a tile looks at few of them
  const BATCH = 64; // hexagons filled at once
  const MAGIC = 0x31434d52; // "RMC1" read as a little-endian number
  const PATIENCE_MS = 60000;
  const [TOO_LITTLE, PROTECTED] = [6, 7];
  const BADGE_PX = 10; // radius of a mark
  const WATER = /river|water|lake|canal/;
  const MAIN_ROAD = /main|primary|avenue|trunk|highway/;
  const LEAST_RADIUS_PX = 0.75; // a hexagon smaller than this is drawn as one with its neighbours
  const MERGED_RADIUS_PX = 3;
  const COARSEST = 4;
  const LAYERS = ["areas", "lines", "marks"]; // panes that can be hidden
  const MOST_OUT = 2; // how far out of the whole one may go, in steps of zoom
  const ROADS_FROM = 15; // zoom from which roads and public places carry the colour, where there is a layer of them
  const FILL_ENDS = 17; // zoom from which single houses could be told apart: no hexagon is filled any more

  function project(lat, lng) {
    const sine = Math.sin((lat * Math.PI) / 180);
    return [(lng / 360 + 0.5) * WORLD, (0.5 - Math.log((1 + sine) / (1 - sine)) / (4 * Math.PI)) * WORLD];
  }

  function unproject(x, y) {
    return L.latLng((Math.atan(Math.sinh(Math.PI * (1 - (2 * y) / WORLD))) * 180) / Math.PI, (x / WORLD - 0.5) * 360);
  }

  async function download(url) {
    const answer = await fetch(url, { signal: AbortSignal.timeout(PATIENCE_MS) });
    if (!answer.ok) throw new Error(`${url}: ${answer.status}`);
    return answer;
  }

  /** Position of the neighbour to step to from (x, y) in direction (dx, dy), or -1. `anchor` keeps a row straight. */
  function nextInDirection(xs, ys, from, dx, dy, anchor, least) {
    let best = -1;
    let bestScore = Infinity;
    for (let i = 0; i < xs.length; i++) {
      const vx = xs[i] - xs[from];
      const vy = ys[i] - ys[from];
      const along = vx * dx + vy * dy;
      if (i === from || along <= least || Math.abs(vx * dy - vy * dx) > along * 1.75) continue;
      const drift = Math.abs((xs[i] - anchor.x) * dy - (ys[i] - anchor.y) * dx);
      const score = Math.hypot(vx, vy) + 0.35 * drift;
      if (score < bestScore) [best, bestScore] = [i, score];
    }
    return best;
  }

  /** The cells of a release, projected once. Numbers are kept as two 32-bit halves, as h3-js takes them. */
  class Cells {
    constructor(buffer) {
      const words = new Uint32Array(buffer, 0, Math.floor(buffer.byteLength / 4));
      if (words[0] !== MAGIC || buffer.byteLength !== 8 + 8 * words[1]) throw new Error("cells.bin is damaged");
      this.count = words[1];
      this.halves = words.subarray(2);
      this.first = new Uint32Array(this.count + 1); // first corner of each cell
      this.xs = new Float64Array(this.count); // centres
      this.ys = new Float64Array(this.count);
      this.resolutions = new Set();
      [this.radius, this.finest] = [0, Infinity]; // of the largest and of the smallest cell, centre to corner
      const corners = [];
      for (let i = 0; i < this.count; i++) {
        const pair = [this.halves[2 * i], this.halves[2 * i + 1]];
        this.resolutions.add((pair[1] >>> 20) & 15);
        const outline = h3.cellToBoundary(pair);
        for (const [lat, lng] of outline) {
          const [x, y] = project(lat, lng);
          corners.push(x, y);
          this.xs[i] += x / outline.length;
          this.ys[i] += y / outline.length;
        }
        this.first[i + 1] = corners.length / 2;
      }
      this.corners = Float64Array.from(corners);
      this.sortIntoBins();
    }

    /** From a cell's centre to its corner, in projected units. */
    radiusOf(i) {
      const at = 2 * this.first[i];
      return Math.hypot(this.corners[at] - this.xs[i], this.corners[at + 1] - this.ys[i]);
    }

    sortIntoBins() {
      this.bins = new Map();
      for (let i = 0; i < this.count; i++) {
        const radius = this.radiusOf(i);
        this.radius = Math.max(this.radius, radius);
        this.finest = Math.min(this.finest, radius);
        const key = Math.floor(this.xs[i] / BIN) * 65536 + Math.floor(this.ys[i] / BIN);
        const bin = this.bins.get(key);
        if (bin) bin.push(i);
        else this.bins.set(key, [i]);
      }
    }

    /** Calls `visit(i)` for every cell that may touch the rectangle. */
    within(west, north, east, south, visit) {
      const r = this.radius;
      const [left, right] = [Math.floor((west - r) / BIN), Math.floor((east + r) / BIN)];
      const [top, bottom] = [Math.floor((north - r) / BIN), Math.floor((south + r) / BIN)];
      const look = (i) => {
        if (this.xs[i] > west - r && this.xs[i] < east + r && this.ys[i] > north - r && this.ys[i] < south + r) visit(i);
      };
      if ((right - left + 1) * (bottom - top + 1) > this.bins.size) {
        for (let i = 0; i < this.count; i++) look(i);
        return;
      }
      for (let bx = left; bx <= right; bx++) {
        for (let by = top; by <= bottom; by++) (this.bins.get(bx * 65536 + by) || []).forEach(look);
      }
    }

    id(i) {
      return this.halves[2 * i + 1].toString(16) + this.halves[2 * i].toString(16).padStart(8, "0");
    }

    /** Position of a cell by its hexadecimal text, or -1; the numbers ascend. */
    find(id) {
      const [high, low] = [parseInt(id.slice(0, -8), 16), parseInt(id.slice(-8), 16)];
      let [from, to] = [0, this.count - 1];
      while (from <= to) {
        const middle = (from + to) >> 1;
        const gap = this.halves[2 * middle + 1] - high || this.halves[2 * middle] - low;
        if (gap === 0) return middle;
        if (gap < 0) from = middle + 1;
        else to = middle - 1;
      }
      return -1;
    }

    /** The cell that holds a point, else the nearest centre not further than `reach`, else -1. */
    at(latlng, reach) {
      for (const resolution of this.resolutions) {
        const found = this.find(h3.latLngToCell(latlng.lat, latlng.lng, resolution));
        if (found >= 0) return found;
      }
      return this.nearest(...project(latlng.lat, latlng.lng), reach + this.radius * 0.87);
    }

    nearest(x, y, reach) {
      let [best, closest] = [-1, reach];
      for (let i = 0; i < this.count; i++) {
        const distance = Math.hypot(this.xs[i] - x, this.ys[i] - y);
        if (distance < closest) [best, closest] = [i, distance];
      }
      return best;
    }

    next(from, dx, dy, anchor) {
      return nextInDirection(this.xs, this.ys, from, dx, dy, anchor, this.finest * 0.1);
    }

    /** Corners of a cell; a small one is drawn around with a radius of `least` pixels, so that the line does not hide it. */
    outline(i, scale, least) {
      const [cx, cy, at] = [this.xs[i], this.ys[i], 2 * this.first[i]];
      const radiusPx = this.radiusOf(i) * scale;
      const larger = (radiusPx < 20 ? Math.max(least, radiusPx + 3) : radiusPx) / radiusPx;
      const ring = [];
      for (let c = at; c < 2 * this.first[i + 1]; c += 2) {
        ring.push(unproject(cx + (this.corners[c] - cx) * larger, cy + (this.corners[c + 1] - cy) * larger));
      }
      return ring;
    }
  }

  /**
   * Hexagons drawn as one with their neighbours: each takes the middle class of those it holds, in the order of the five
   * classes and nearer to "no clear difference" where there are two; where most are grey it is grey.
   */
  class Merged {
    constructor(fine, resolution) {
      const holders = new Map();
      for (let i = 0; i < fine.count; i++) {
        const pair = [fine.halves[2 * i], fine.halves[2 * i + 1]];
        const isFiner = ((pair[1] >>> 20) & 15) > resolution;
        const id = isFiner ? h3.cellToParent(pair, resolution) : fine.id(i);
        const held = holders.get(id);
        if (held) held.push(i);
        else holders.set(id, [i]);
      }
      const ids = [...holders.keys()].sort((a, b) => parseInt(a.slice(0, -8), 16) - parseInt(b.slice(0, -8), 16) || parseInt(a.slice(-8), 16) - parseInt(b.slice(-8), 16));
      const words = new Uint32Array(2 + 2 * ids.length);
      words.set([MAGIC, ids.length]);
      ids.forEach((id, at) => words.set([parseInt(id.slice(-8), 16), parseInt(id.slice(0, -8), 16)], 2 + 2 * at));
      this.cells = new Cells(words.buffer);
      this.members = ids.map((id) => holders.get(id));
      this.known = new WeakMap();
    }

    /** Class of each merged hexagon under the classes of the single ones. */
    classes(fine) {
      if (!this.known.has(fine)) this.known.set(fine, Uint8Array.from(this.members, (held) => middleClass(held.map((i) => fine[i]))));
      return this.known.get(fine);
    }
  }

  function middleClass(codes) {
    const told = codes.filter((code) => code > 0 && code < TOO_LITTLE).sort((a, b) => a - b);
    const greys = codes.filter((code) => code >= TOO_LITTLE);
    if (!told.length && !greys.length) return 0;
    if (told.length < greys.length) return 2 * greys.filter((code) => code === PROTECTED).length >= greys.length ? PROTECTED : TOO_LITTLE;
    const [low, high] = [told[(told.length - 1) >> 1], told[told.length >> 1]];
    const middle = (low + high) / 2;
    return middle < 3 ? Math.ceil(middle) : Math.floor(middle);
  }

  /** Roads and public places of a basemap, projected once: what carries the colour of the cells when one is near. */
  class Ground {
    constructor(geojson) {
      this.lines = [];
      this.shapes = [];
      for (const { geometry, properties } of geojson.features) {
        const kind = properties.kind || "street";
        if (WATER.test(kind) || /rail|industry/.test(kind)) continue;
        const parts = { LineString: [geometry.coordinates], MultiLineString: geometry.coordinates, Polygon: geometry.coordinates, MultiPolygon: geometry.coordinates.flat() }[geometry.type];
        for (const part of parts || []) this.keep(part, /Polygon$/.test(geometry.type) ? this.shapes : this.lines, kind);
      }
    }

    get hasRoads() {
      return this.lines.length > 0;
    }

    keep(part, among, kind) {
      const points = Float64Array.from(part.flatMap(([lng, lat]) => project(lat, lng)));
      let [west, north, east, south] = [Infinity, Infinity, -Infinity, -Infinity];
      for (let i = 0; i < points.length; i += 2) {
        [west, east] = [Math.min(west, points[i]), Math.max(east, points[i])];
        [north, south] = [Math.min(north, points[i + 1]), Math.max(south, points[i + 1])];
      }
      among.push({ points, west, north, east, south, width: MAIN_ROAD.test(kind) ? 16 : /lane|service|foot/.test(kind) ? 7 : 11 });
    }

    /** Draws what touches a tile; `widen` is added to each width, in pixels of the canvas. */
    draw(context, { scale, left, top, size, unit, zoom }, widen) {
      const grown = (unit / 8) * 1.5 ** (zoom - ROADS_FROM);
      const margin = 40 * grown;
      const isNear = (part) =>
        part.east * scale > left - margin && part.west * scale < left + size + margin && part.south * scale > top - margin && part.north * scale < top + size + margin;
      const trace = ({ points }) => {
        for (let i = 0; i < points.length; i += 2) {
          const [x, y] = [points[i] * scale - left, points[i + 1] * scale - top];
          if (i) context.lineTo(x, y);
          else context.moveTo(x, y);
        }
      };
      context.lineJoin = context.lineCap = "round";
      context.beginPath();
      this.shapes.filter(isNear).forEach(trace);
      context.fill("evenodd");
      for (const width of [7, 11, 16]) {
        context.beginPath();
        this.lines.filter((line) => line.width === width && isNear(line)).forEach(trace);
        context.lineWidth = width * grown + widen;
        context.stroke();
      }
    }
  }

  /** The areas of a release: who holds a point, and where the next one lies. */
  class Areas {
    constructor(geojson) {
      this.features = geojson.features.filter((f) => f.geometry && /Polygon$/.test(f.geometry.type));
      this.hasSteps = this.features.some((f) => f.properties.step);
      this.rings = this.features.map((f) => {
        const polygons = f.geometry.type === "Polygon" ? [f.geometry.coordinates] : f.geometry.coordinates;
        return polygons.flat().map((ring) => ring.map(([lng, lat]) => project(lat, lng)));
      });
      const middles = this.rings.map((rings) => {
        const longest = rings.reduce((a, b) => (b.length > a.length ? b : a));
        const [xs, ys] = [longest.map((p) => p[0]), longest.map((p) => p[1])];
        return [(Math.min(...xs) + Math.max(...xs)) / 2, (Math.min(...ys) + Math.max(...ys)) / 2];
      });
      this.xs = middles.map((p) => p[0]);
      this.ys = middles.map((p) => p[1]);
    }

    id(i) {
      const { area_id, region_id } = this.features[i].properties;
      return String(area_id ?? region_id ?? this.features[i].id);
    }

    find(id) {
      return this.features.findIndex((_, i) => this.id(i) === id);
    }

    name(i, language) {
      const p = this.features[i].properties;
      return p[`name_${language}`] || (p.names && p.names[language]) || p.name || "";
    }

    /** The smallest area that holds a projected point, or -1 (a city may lie inside its region's ring). */
    at(x, y) {
      let [best, fewest] = [-1, Infinity];
      this.rings.forEach((rings, i) => {
        let inside = false;
        let [low, high] = [Infinity, -Infinity];
        for (const ring of rings) {
          for (let a = 0, b = ring.length - 1; a < ring.length; b = a++) {
            const [[xa, ya], [xb, yb]] = [ring[a], ring[b]];
            if (ya > y !== yb > y && x < ((xb - xa) * (y - ya)) / (yb - ya) + xa) inside = !inside;
            low = Math.min(low, xa);
            high = Math.max(high, xa);
          }
        }
        if (inside && high - low < fewest) [best, fewest] = [i, high - low];
      });
      return best;
    }

    nearest(x, y) {
      const distances = this.xs.map((ax, i) => Math.hypot(ax - x, this.ys[i] - y));
      return distances.indexOf(Math.min(...distances));
    }

    next(from, dx, dy, anchor) {
      return nextInDirection(this.xs, this.ys, from, dx, dy, anchor, 0);
    }
  }

  /** Fill styles of the classes that have a pattern; its width divides the tile's, so it runs on across tiles. */
  function makePatterns(context, palette, unit) {
    const repeat = (code, width, draw) => {
      const sample = document.createElement("canvas");
      sample.width = sample.height = width;
      const c = sample.getContext("2d");
      c.fillStyle = palette.classes[code - 1];
      c.fillRect(0, 0, width, width);
      draw(c, width);
      return context.createPattern(sample, "repeat");
    };
    const diagonal = (code, ink, thickness, rising) =>
      repeat(code, unit, (c, w) => {
        c.strokeStyle = ink;
        c.lineWidth = thickness * (unit / 8);
        for (const shift of [-w, 0, w]) {
          c.beginPath();
          c.moveTo(shift - 1, rising ? w + 1 : -1);
          c.lineTo(shift + w + 1, rising ? -1 : w + 1);
          c.stroke();
        }
      });
    const dots = repeat(TOO_LITTLE, 2 * unit, (c, w) => {
      c.fillStyle = palette.grey_pattern;
      for (const at of [w / 4, (3 * w) / 4]) {
        c.beginPath();
        c.arc(at, at, 0.16 * unit, 0, 2 * Math.PI);
        c.fill();
      }
    });
    return {
      1: diagonal(1, palette.pattern, 1.1, true),
      5: diagonal(5, palette.pattern, 1.1, false),
      [TOO_LITTLE]: dots,
      [PROTECTED]: diagonal(PROTECTED, palette.grey_pattern, 1.3, true),
    };
  }

  /** Marks are drawn on one canvas: there may be many, and a sign for the eye needs no element of its own. */
  const Badge = L.CircleMarker.extend({
    _updatePath() {
      if (!this._empty()) this.options.draw(this._renderer._ctx, this._point);
    },
  });

  /** A ring for what is asked, a square for what is decided, a diamond for what is done, each with a halo; in it a dot or the count. */
  function drawBadge(context, { x, y }, { count, kind }, palette) {
    const words = count > 99 ? "99+" : String(count);
    const radius = BADGE_PX + 2 * (words.length - 1);
    const circle = (size) => {
      context.beginPath();
      context.arc(x, y, size, 0, 2 * Math.PI);
    };
    const shape = (size) => {
      if (kind === "decided" || kind === "done") {
        const far = kind === "done" ? size * 1.3 : size * 0.95;
        const corners = kind === "done" ? [[0, -far], [far, 0], [0, far], [-far, 0]] : [[-far, -far], [far, -far], [far, far], [-far, far]];
        context.beginPath();
        corners.forEach(([dx, dy]) => context.lineTo(x + dx, y + dy));
        context.closePath();
      } else circle(size);
    };
    context.save();
    context.setLineDash([]);
    context.globalAlpha = 1;
    context.fillStyle = palette.halo;
    shape(radius + 3);
    context.fill();
    context.strokeStyle = palette.mark;
    context.lineWidth = 2.4;
    shape(radius);
    context.stroke();
    context.fillStyle = palette.mark;
    if (count > 1) {
      context.font = '600 13px "Noto Sans", system-ui, sans-serif';
      context.textAlign = "center";
      context.textBaseline = "middle";
      context.fillText(words, x, y + 1);
    } else {
      circle(4);
      context.fill();
    }
    context.restore();
  }

  const CellLayer = L.GridLayer.extend({
    initialize(cells, options) {
      L.GridLayer.prototype.initialize.call(this, options);
      this.cells = cells;
      this.patterns = new Map();
    },

    show(classes, palette) {
      [this.classes, this.palette] = [classes, palette];
      this.patterns.clear();
      for (const tile of Object.values(this._tiles || {})) this.paint(tile.el, tile.coords);
    },

    createTile(coords) {
      const canvas = document.createElement("canvas");
      this.paint(canvas, coords);
      return canvas;
    },

    /** How many resolutions coarser than the finest cells the hexagons of a zoom are drawn. */
    stepsAt(zoom) {
      const radiusPx = this.cells.finest * 2 ** zoom;
      if (radiusPx >= LEAST_RADIUS_PX) return 0;
      const steps = Math.ceil(Math.log(MERGED_RADIUS_PX / radiusPx) / Math.log(Math.sqrt(7)));
      return Math.max(0, Math.min(steps, Math.max(...this.cells.resolutions) - COARSEST));
    },

    /** The merged hexagons of a zoom; null where single ones are drawn. */
    mergedAt(zoom) {
      const steps = this.stepsAt(zoom);
      if (!steps) return null;
      this.merged ||= new Map();
      if (!this.merged.has(steps)) this.merged.set(steps, new Merged(this.cells, Math.max(...this.cells.resolutions) - steps));
      return this.merged.get(steps);
    },

    /** Of what is drawn, only what lies under the drawing of `draw` stays: several strokes count as one. */
    keepOnly(context, size, draw) {
      const over = document.createElement("canvas");
      over.width = over.height = size;
      const mask = over.getContext("2d");
      mask.fillStyle = mask.strokeStyle = "#000";
      draw(mask);
      context.globalCompositeOperation = "destination-in";
      context.drawImage(over, 0, 0);
    },

    paint(canvas, coords) {
      const { palette } = this;
      const merged = this.mergedAt(coords.z);
      const cells = merged ? merged.cells : this.cells;
      const classes = merged ? merged.classes(this.classes) : this.classes;
      const unit = Math.max(8, Math.round(8 * Math.min(window.devicePixelRatio || 1, 2.5)));
      const size = 32 * unit;
      canvas.width = canvas.height = size;
      const context = canvas.getContext("2d");
      const scale = (size / WORLD) * 2 ** coords.z;
      const [left, top] = [coords.x * size, coords.y * size];
      const byClass = Array.from({ length: 8 }, () => []);
      cells.within(left / scale, top / scale, (left + size) / scale, (top + size) / scale, (i) => byClass[classes[i]]?.push(i));
      if (!byClass.some((list) => list.length)) return;
      if (!this.patterns.has(unit)) this.patterns.set(unit, makePatterns(context, palette, unit));

      // Cells are drawn a third of a pixel larger than they are, so no seam of the ground shows between colours.
      const trace = (list, grow, context = canvas.getContext("2d")) => {
        context.beginPath();
        for (const i of list) {
          const [cx, cy] = [cells.xs[i], cells.ys[i]];
          const larger = scale * (1 + grow / (cells.radius * scale));
          const [ox, oy] = [cx * scale - left, cy * scale - top];
          for (let c = cells.first[i]; c < cells.first[i + 1]; c++) {
            const x = ox + (cells.corners[2 * c] - cx) * larger;
            const y = oy + (cells.corners[2 * c + 1] - cy) * larger;
            if (c === cells.first[i]) context.moveTo(x, y);
            else context.lineTo(x, y);
          }
          context.closePath();
        }
      };
      // A path of thousands of hexagons takes far longer to fill than many short ones.
      const fill = (list, grow) => {
        for (let from = 0; from < list.length; from += BATCH) {
          trace(list.slice(from, from + BATCH), grow);
          context.fill();
        }
      };
      const radiusPx = (cells.finest * scale * 8) / unit;
      const everything = byClass.slice(1).flat();
      byClass.forEach((list, code) => {
        if (!list.length || !code) return;
        context.fillStyle = this.patterns.get(unit)[code] || palette.classes[code - 1];
        fill(list, 0.35);
      });
      const onRoads = coords.z >= ROADS_FROM && this.ground?.hasRoads;
      if (onRoads || coords.z >= FILL_ENDS) {
        const near = { scale, left, top, size, unit, zoom: coords.z };
        if (onRoads) this.keepOnly(context, size, (mask) => this.ground.draw(mask, near, 0));
        else {
          // Without roads a band along the edge of each hexagon keeps its colour.
          this.keepOnly(context, size, (mask) => {
            mask.lineWidth = 1.5 * unit;
            trace(everything, 0, mask);
            mask.stroke();
          });
        }
        if (onRoads) {
          context.globalCompositeOperation = "destination-over";
          context.fillStyle = context.strokeStyle = palette.edge;
          this.ground.draw(context, near, unit / 4);
        }
        context.globalCompositeOperation = "source-over";
        trace(everything, 0);
        context.strokeStyle = palette.cell_line;
        context.lineWidth = unit / 8;
        context.stroke();
        return;
      }
      if (radiusPx >= 10) {
        trace(everything, 0);
        context.strokeStyle = palette.cell_line;
        context.lineWidth = unit / 8;
        context.stroke();
      }
      if (radiusPx >= 2) {
        context.globalCompositeOperation = "destination-over";
        context.fillStyle = palette.edge;
        fill(everything, unit / 7);
      }
    },
  });

  class MapView {
    constructor(map, options) {
      Object.assign(this, { map, options, state: { labels: {}, group: "all" }, presses: 0, classes: new Map() });
      this.container = map.getContainer();
      this.dark = window.matchMedia("(prefers-color-scheme: dark)");
      this.calm = window.matchMedia("(prefers-reduced-motion: reduce)").matches;
      this.wantedGroup = null;
    }

    start() {
      this.prepareContainer();
      this.prepareMap();
      this.listen();
      this.readState();
      this.fit();
      this.load();
    }

    get palette() {
      return this.options.palettes[this.dark.matches ? "dark" : "light"];
    }

    /** What the keyboard moves over: cells as they are drawn, or areas where the release has no cells. */
    get things() {
      return this.merged?.cells || this.cells || this.areas;
    }

    /** Hexagons drawn as one at this zoom; null where single cells are drawn. */
    get merged() {
      return this.cellLayer?.mergedAt(Math.round(this.map.getZoom())) || null;
    }

    text(key) {
      return this.state.labels[key] || "";
    }

    prepareContainer() {
      const { container } = this;
      container.classList.add("rm-map");
      container.tabIndex = 0;
      container.setAttribute("role", "application");
      container.setAttribute("aria-describedby", "rm-keys");
      const add = (className, attributes = {}, tag = "div") => {
        const element = container.appendChild(document.createElement(tag));
        element.className = className;
        for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
        L.DomEvent.disableClickPropagation(element);
        return element;
      };
      this.ribbon = add("rm-ribbon", { "aria-hidden": "true" });
      this.notice = add("rm-notice", { role: "status" });
      this.live = add("rm-unseen", { role: "status", "aria-live": "polite" });
      this.keys = add("rm-unseen", { id: "rm-keys" });
      this.layers = add("rm-layers", { hidden: "" }, "details");
      this.layers.append(document.createElement("summary"));
      this.switches = new Map(LAYERS.map((name) => [name, this.prepareSwitch(name)]));
    }

    /** A box that shows or hides a layer; what it says follows the language of the page. */
    prepareSwitch(name) {
      const label = this.layers.appendChild(document.createElement("label"));
      const box = label.appendChild(Object.assign(document.createElement("input"), { type: "checkbox", checked: true }));
      label.append(document.createElement("span"));
      box.addEventListener("change", () => {
        this.container.classList.toggle(`rm-without-${name}`, !box.checked);
        this.announce([label.textContent, this.text(box.checked ? "layer_on" : "layer_off")]);
      });
      return label;
    }

    prepareMap() {
      const { map, options } = this;
      map.attributionControl?.setPrefix(false);
      this.zoomControl = L.control.zoom({ position: "bottomright" }).addTo(map);
      for (const [name, z] of [["tiles", 200], ["ground", 250], ["cells", 300], ["lines", 330], ["areas", 350], ["selection", 450], ["marks", 460]]) {
        map.createPane(`rm-${name}`).style.zIndex = z;
        if (name !== "tiles") map.getPane(`rm-${name}`).style.pointerEvents = "none";
      }
      if (options.tile_url) L.tileLayer(options.tile_url, { pane: "rm-tiles" }).addTo(map);
      const ring = (className) =>
        L.polygon([], { pane: "rm-selection", className, interactive: false, fill: false }).addTo(map);
      this.rings = { chosen: [ring("rm-halo"), ring("rm-chosen")], cursor: [ring("rm-halo"), ring("rm-cursor")] };
      this.applyTheme();
    }

    listen() {
      const { map, container } = this;
      map.on("click", (event) => this.press(event.latlng, event.originalEvent));
      map.on("zoomend", () => {
        this.styleBasemap();
        if (this.merged !== this.mergedBefore) [this.cursor, this.mergedBefore] = [this.merged ? -1 : this.chosen, this.merged];
        this.ring("chosen", this.chosen);
        this.ring("cursor", this.cursor === this.chosen ? -1 : this.cursor);
      });
      container.addEventListener("keydown", (event) => this.key(event));
      // A page that scrolls must not be caught by the map: the wheel zooms only while the map has the focus.
      container.addEventListener("focusin", () => map.scrollWheelZoom.enable());
      container.addEventListener("focusout", () => map.scrollWheelZoom.disable());
      this.dark.addEventListener("change", () => this.applyTheme());
      new ResizeObserver(() => {
        map.invalidateSize({ animate: false });
        if (!this.isFitted) this.fit();
      }).observe(container);
      const hear = () => this.readState();
      window.parent.addEventListener("riskmap:state", hear);
      window.addEventListener("pagehide", () => window.parent.removeEventListener("riskmap:state", hear));
    }

    // --- state from the page ---------------------------------------------------------------------------------------

    readState() {
      const given = (window.parent.riskmapMapState || {})[this.options.name];
      if (!given) return;
      const before = this.state;
      this.state = given;
      this.showWords();
      if (given.cell !== before.cell || given.area !== before.area) this.choose(this.positionOf(given), true);
      if (JSON.stringify(given.marks || []) !== JSON.stringify(before.marks || [])) this.drawMarks();
      if (given.fly_to && given.fly_count !== before.fly_count && this.isFitted) this.fly(given.fly_to);
      if (this.cells && given.group !== this.wantedGroup) this.load();
    }

    positionOf({ cell, area }) {
      if (this.cells) return cell ? this.cells.find(cell) : -1;
      return this.areas && area ? this.areas.find(area) : -1;
    }

    showWords() {
      const { container, zoomControl, options } = this;
      const language = this.state.language || "kk";
      document.documentElement.lang = language;
      const simulated = options.is_simulated ? this.text("simulated") : "";
      const name = [this.text("map"), simulated].filter(Boolean).join(". ");
      container.setAttribute("aria-label", name);
      if (window.frameElement && name) window.frameElement.title = name;
      this.keys.textContent = this.text("keys");
      for (const [button, key] of [[zoomControl._zoomInButton, "zoom_in"], [zoomControl._zoomOutButton, "zoom_out"]]) {
        button.title = this.text(key);
        button.setAttribute("aria-label", this.text(key));
      }
      this.layers.hidden = !options.has_cells || !this.text("layers");
      this.layers.firstChild.textContent = this.text("layers");
      for (const [name, label] of this.switches) {
        label.lastChild.textContent = this.text(`layer_${name}`);
        label.hidden = { areas: !options.has_areas, lines: !options.has_basemap, marks: !(this.state.marks || []).length }[name];
      }
      this.ribbon.replaceChildren();
      this.ribbon.hidden = !simulated;
      for (let i = 0; simulated && i < 11; i++) this.ribbon.append(Object.assign(document.createElement("span"), { textContent: simulated }));
      const source = this.text("attribution") || options.attribution;
      const credit = this.map.attributionControl;
      if (credit && source !== this.source) {
        if (this.escaped) credit.removeAttribution(this.escaped);
        const plain = document.createElement("span");
        plain.textContent = this.source = source;
        this.escaped = plain.innerHTML;
        credit.addAttribution(this.escaped);
      }
      this.showNotice();
    }

    /** `phase` is loading, failed or ready. */
    showNotice(phase = this.phase) {
      this.phase = phase;
      const said = phase === "ready" ? "" : this.text(phase);
      this.notice.hidden = !said;
      this.notice.className = `rm-notice rm-${phase}`;
      this.notice.setAttribute("role", phase === "failed" ? "alert" : "status");
      if (this.notice.firstChild?.textContent !== said) this.notice.replaceChildren(said);
      if (phase === "failed" && this.text("retry") && this.notice.childElementCount === 0) {
        const again = document.createElement("button");
        again.textContent = this.text("retry");
        again.addEventListener("click", () => this.load());
        this.notice.append(again);
      }
      this.container.dataset.phase = phase || "";
      this.container.setAttribute("aria-busy", String(phase === "loading"));
    }

    // --- data ------------------------------------------------------------------------------------------------------

    async load() {
      const { options } = this;
      const group = this.state.group || "all";
      this.wantedGroup = group;
      this.showNotice("loading");
      try {
        await Promise.all([
          options.has_cells ? this.loadCells(group) : null,
          options.has_areas && !this.areas ? this.loadAreas() : null,
          options.has_basemap && !this.basemap ? this.loadBasemap() : null,
        ]);
        if (group === this.wantedGroup) this.showNotice("ready");
      } catch (problem) {
        console.warn("riskmap:", problem.message);
        if (group !== this.wantedGroup) return;
        if (this.cellLayer) this.paint(new Uint8Array(this.cells.count)); // never the colours of another group
        this.showNotice("failed");
      }
    }

    async loadCells(group) {
      const bytes = async (name) => (await download(`${this.options.release_url}/${name}`)).arrayBuffer();
      const [cells, classes] = await Promise.all([
        this.cells || bytes("cells.bin"),
        this.classes.get(group) || bytes(`classes-${group}.bin`).then((b) => new Uint8Array(b)),
      ]);
      if (!this.cells) this.cells = cells instanceof Cells ? cells : new Cells(cells);
      if (classes.length !== this.cells.count) throw new Error(`classes-${group}.bin does not fit cells.bin`);
      this.classes.set(group, classes);
      if (group !== this.wantedGroup) return; // another group was asked for meanwhile
      const isFirst = !this.cellLayer;
      this.cellLayer ||= new CellLayer(this.cells, { pane: "rm-cells", updateWhenIdle: false, keepBuffer: 3 });
      this.paint(classes);
      if (isFirst) {
        this.showGround();
        this.cellLayer.addTo(this.map);
        this.choose(this.positionOf(this.state), true);
      }
    }

    /** From here on the cells' colours may lie on roads, once one is near. */
    showGround() {
      if (!this.ground) return;
      this.cellLayer.ground = this.ground;
      if (this.shown && this.map.getZoom() >= ROADS_FROM) this.paint(this.shown);
    }

    paint(classes) {
      this.shown = classes;
      this.cellLayer.show(classes, this.palette);
    }

    async loadAreas() {
      const geojson = await (await download(`${this.options.release_url}/areas.geojson`)).json();
      this.areas = new Areas(geojson);
      const renderer = L.canvas({ pane: "rm-areas", padding: 0.5 });
      this.areaLayer = L.geoJSON(geojson, { renderer, interactive: false, style: (f) => this.areaStyle(f) }).addTo(this.map);
      if (!this.options.has_cells) {
        this.choose(this.positionOf(this.state), true);
        this.addTooltips();
      }
    }

    async loadBasemap() {
      try {
        const geojson = await (await download(`${this.options.release_url}/basemap.geojson`)).json();
        // Parks and water lie under the cells, so they tint none; streets and shores shine through (see h3canvas.css).
        this.ground = new Ground(geojson);
        if (this.cellLayer) this.showGround();
        this.basemap = ["ground", "lines"].map((pane) => {
          const isArea = (f) => /Polygon$/.test(f.geometry.type);
          return L.geoJSON(geojson, {
            renderer: L.canvas({ pane: `rm-${pane}`, padding: 0.5 }),
            interactive: false,
            filter: (f) => (pane === "ground" ? isArea(f) : !isArea(f) || WATER.test(f.properties.kind)),
            style: (f) => this.basemapStyle(f, pane),
          }).addTo(this.map);
        });
      } catch (problem) {
        console.warn("riskmap:", problem.message); // streets help to find one's way; the map says the same without
      }
    }

    // --- colours ---------------------------------------------------------------------------------------------------

    drawMarks() {
      const marks = this.state.marks || [];
      this.container.dataset.marks = marks.length;
      this.markLayer?.remove();
      this.markPlaces = null;
      if (!marks.length) return;
      this.badgeCanvas ||= L.canvas({ pane: "rm-marks", padding: 0.25 });
      const badges = this.standing(marks).map(({ mark, right }) => {
        const draw = (context, { x, y }) => drawBadge(context, { x: x + right, y }, mark, this.palette);
        return new Badge([mark.lat, mark.lng], { renderer: this.badgeCanvas, radius: 50, interactive: false, draw });
      });
      this.markLayer = L.layerGroup(badges).addTo(this.map);
      this.ring("chosen", this.chosen);
    }

    /** Marks of one cell stand beside each other: `right` is by how many pixels each is moved. */
    standing(marks) {
      const seats = new Map();
      for (const mark of marks) seats.set(mark.cell, [...(seats.get(mark.cell) || []), mark]);
      const move = (mark) => seats.get(mark.cell).indexOf(mark) - (seats.get(mark.cell).length - 1) / 2;
      return marks.map((mark) => ({ mark, right: mark.cell ? move(mark) * 2.8 * BADGE_PX : 0 }));
    }

    /** What is marked on a cell, if anything. Marks are found by where they stand, not by name: cells may have been merged. */
    markAt(position) {
      if (!this.cells) return undefined;
      if (!this.markPlaces) {
        this.markPlaces = new Map();
        for (const mark of this.state.marks || []) {
          const at = this.cells.at(L.latLng(mark.lat, mark.lng), 0);
          const other = this.markPlaces.get(at);
          const both = other && { count: other.count + mark.count, text: `${other.text}. ${mark.text}` };
          this.markPlaces.set(at, both || mark);
        }
      }
      return this.markPlaces.get(position);
    }

    /** Where a cell is smaller than the badge on it, a press on the badge means that cell; else what lies below counts. */
    underBadge(x, y) {
      const scale = 2 ** this.map.getZoom();
      let [best, closest] = [undefined, BADGE_PX];
      for (const { mark: { lat, lng }, right } of this.standing(this.state.marks || [])) {
        const [mx, my] = project(lat, lng);
        const distancePx = Math.hypot(mx + right / scale - x, my - y) * scale;
        if (distancePx > closest) continue;
        const position = this.cells.at(L.latLng(lat, lng), 0);
        if (position >= 0 && this.cells.radiusOf(position) * scale < BADGE_PX) [best, closest] = [position, distancePx];
      }
      return best;
    }

    applyTheme() {
      const { palette, container } = this;
      this.drawMarks();
      for (const key of ["ground", "halo", "selection"]) container.style.setProperty(`--rm-${key}`, palette[key]);
      if (this.cellLayer) this.paint(this.shown);
      this.areaLayer?.setStyle((f) => this.areaStyle(f));
      this.styleBasemap();
    }

    areaStyle(feature) {
      const { palette } = this;
      const step = feature.properties.step;
      const line = { color: this.areas.hasSteps ? palette.edge : palette.area_line, weight: 1.2, opacity: this.areas.hasSteps ? 1 : 0.6 };
      if (this.options.has_cells || !this.areas.hasSteps) return { ...line, fill: false };
      return { ...line, fill: true, fillOpacity: 1, fillColor: step ? palette.steps[step - 1] : palette.classes[TOO_LITTLE - 1] };
    }

    styleBasemap() {
      ["ground", "lines"].forEach((pane, i) => this.basemap?.[i].setStyle((f) => this.basemapStyle(f, pane)));
    }

    basemapStyle(feature, pane) {
      const { palette } = this;
      const kind = feature.properties.kind || "street";
      if (pane === "ground") return { stroke: false, fill: true, fillOpacity: 1, fillColor: WATER.test(kind) ? palette.water : palette.park };
      const closer = Math.max(0, this.map.getZoom() - 12);
      const line = (color, weight, dashArray = null) => ({ color, weight, dashArray, fill: false });
      if (/Polygon$/.test(feature.geometry.type)) return line(palette.water, 1.5);
      if (WATER.test(kind)) return line(palette.water, 4 + 2 * closer);
      if (/rail/.test(kind)) return line(palette.railway, 1.6, "7 4");
      if (this.cellLayer && this.map.getZoom() >= ROADS_FROM) return { stroke: false, fill: false }; // drawn with the cells
      return line(palette.street, (MAIN_ROAD.test(kind) ? 2 : 1) + 0.8 * closer);
    }

    addTooltips() {
      const tip = L.tooltip({ direction: "top", offset: [0, -6], className: "rm-tip" });
      this.map.on("mousemove", (event) => {
        const at = this.areas.at(...project(event.latlng.lat, event.latlng.lng));
        if (at < 0) this.map.closeTooltip(tip);
        else {
          const words = Object.assign(document.createElement("span"), { textContent: this.describe(at) });
          this.map.openTooltip(tip.setLatLng(event.latlng).setContent(words));
        }
      });
      this.map.on("mouseout", () => this.map.closeTooltip(tip));
    }

    // --- choice ----------------------------------------------------------------------------------------------------

    press(latlng, cause) {
      const point = latlng.wrap();
      const [x, y] = project(point.lat, point.lng);
      const area = this.areas ? this.areas.at(x, y) : -1;
      if (!this.cells) {
        if (area >= 0) this.pick(area);
        return;
      }
      const reachPx = cause?.pointerType === "touch" ? 22 : 8;
      if (this.merged) {
        const several = this.merged.cells.at(point, reachPx / 2 ** this.map.getZoom());
        if (several >= 0) return void this.comeNearer(several);
      }
      const found = this.underBadge(x, y) ?? this.cells.at(point, reachPx / 2 ** this.map.getZoom());
      if (found >= 0) this.pick(found);
      else if (area >= 0) {
        this.choose(-1);
        this.announce([this.areas.name(area, this.state.language), this.text("not_covered")]);
        this.send(null, this.areas.id(area));
      }
    }

    /** A person's choice: shown at once, told to the page, said in words. */
    pick(position) {
      if (this.merged) return this.comeNearer(position);
      this.choose(position);
      this.announce([this.describe(position)]);
      if (!this.cells) return this.send(null, this.areas.id(position));
      const area = this.areas ? this.areas.at(this.cells.xs[position], this.cells.ys[position]) : -1;
      return this.send(this.cells.id(position), area >= 0 ? this.areas.id(area) : null, this.markAt(position)?.count);
    }

    /** Several hexagons drawn as one are no place to answer for: what they hold is shown first, then one can be chosen. */
    comeNearer(position) {
      const { xs, ys } = this.merged.cells;
      this.announce([this.describe(position), this.text("nearer")]);
      const zoom = Math.ceil(Math.log2((6 * LEAST_RADIUS_PX) / this.cells.finest));
      this.map.setView(unproject(xs[position], ys[position]), zoom, { animate: !this.calm });
    }

    send(cell, area, marks = 0) {
      // The page's own state follows, so that what it says next is compared with what is shown.
      const states = window.parent.riskmapMapState;
      if (states?.[this.options.name]) this.state = states[this.options.name] = { ...this.state, cell, area: cell ? null : area };
      const told = { cell, area, said: this.live.textContent, marks };
      this.presses += 1;
      const value = { cell, area, n: this.presses };
      const keep = () => window.Streamlit?.setComponentValue(value);
      if (window.parent !== window) {
        window.parent.riskmapPick = { ...told, keep };
        window.parent.dispatchEvent(new CustomEvent("riskmap:pick", { detail: window.parent.riskmapPick }));
      }
      this.container.dispatchEvent(new CustomEvent("riskmap:pick", { detail: told, bubbles: true }));
    }

    choose(position, isFromPage = false) {
      if (!this.things) return;
      this.chosen = position;
      this.cursor = this.merged ? -1 : position;
      this.ring("chosen", position);
      this.ring("cursor", -1);
      if (isFromPage && position >= 0) this.bringIntoView(position, this.cells || this.areas);
    }

    ring(kind, position) {
      const things = kind === "cursor" ? this.things : this.cells || this.areas;
      const least = position >= 0 && this.markAt(position) ? 2 * BADGE_PX + 1 : 9;
      for (const polygon of this.rings[kind]) {
        if (!(position >= 0)) polygon.setLatLngs([]);
        else if (this.cells) polygon.setLatLngs(things.outline(position, 2 ** this.map.getZoom(), least));
        else polygon.setLatLngs(things.rings[position].map((ring) => [ring.map(([x, y]) => unproject(x, y))]));
        if (position >= 0) polygon.bringToFront();
      }
    }

    bringIntoView(position, things = this.things) {
      const { map } = this;
      if (this.isFitted) map.panInside(unproject(things.xs[position], things.ys[position]), { paddingTopLeft: [40, 40], paddingBottomRight: [84, 64], animate: !this.calm });
    }

    describe(position) {
      const language = this.state.language;
      if (!this.cells) {
        const step = this.areas.features[position].properties.step;
        return [this.areas.name(position, language), this.text(step ? `step${step}` : "unknown")].filter(Boolean).join(": ");
      }
      const { merged, things } = this;
      const area = this.areas ? this.areas.at(things.xs[position], things.ys[position]) : -1;
      const name = area >= 0 ? this.areas.name(area, language) : "";
      const code = merged ? merged.classes(this.shown)[position] : this.shown[position];
      const said = [name, this.text(String(code))].filter(Boolean).join(": ");
      if (merged) return [said, `${this.text("merged")}: ${merged.members[position].length}`].join(". ");
      return [said, this.markAt(position)?.text].filter(Boolean).join(". ");
    }

    announce(parts) {
      this.live.textContent = parts.filter(Boolean).join(": ");
    }

    // --- keyboard --------------------------------------------------------------------------------------------------

    key(event) {
      if (event.target !== this.container || event.altKey || event.ctrlKey || event.metaKey) return;
      const directions = { ArrowUp: [0, -1], ArrowDown: [0, 1], ArrowLeft: [-1, 0], ArrowRight: [1, 0] };
      const direction = directions[event.key];
      if (direction && event.shiftKey) this.map.panBy([direction[0] * 120, direction[1] * 120], { animate: !this.calm });
      else if (direction) this.step(...direction);
      else if (event.key === "Enter" || event.key === " ") this.enter();
      else if (event.key === "+" || event.key === "=") this.map.zoomIn();
      else if (event.key === "-") this.map.zoomOut();
      else return;
      event.preventDefault();
    }

    step(dx, dy) {
      const { things } = this;
      if (!things || !things.xs.length) return;
      let target;
      if (!(this.cursor >= 0)) {
        const middle = this.map.getCenter();
        target = things.nearest(...project(middle.lat, middle.lng), Infinity);
        this.anchor = null;
      } else {
        const isSameRow = this.anchor && this.anchor.vertical === (dx === 0) && this.anchor.at === this.cursor;
        if (!isSameRow) this.anchor = { x: things.xs[this.cursor], y: things.ys[this.cursor], vertical: dx === 0 };
        target = things.next(this.cursor, dx, dy, this.anchor);
      }
      if (target < 0) return;
      this.cursor = target;
      if (this.anchor) this.anchor.at = target;
      this.ring("cursor", target);
      this.bringIntoView(target);
      this.announce([this.describe(target)]);
    }

    enter() {
      if (this.cursor >= 0) this.pick(this.cursor);
      else this.step(0, 1);
    }

    // --- view ------------------------------------------------------------------------------------------------------

    fit() {
      if (!this.container.clientWidth || !this.container.clientHeight) return; // hidden as yet; the observer calls again
      const { map, options, state } = this;
      const [south, west, north, east] = options.bounds;
      const whole = L.latLngBounds([south, west], [north, east]);
      map.invalidateSize({ animate: false });
      const [s, w, n, e] = state.fly_to || options.bounds;
      map.fitBounds([[s, w], [n, e]], { padding: [12, 12], animate: false, maxZoom: 16 });
      map.setMaxBounds(whole.pad(0.6));
      map.setMinZoom(Math.max(2, map.getBoundsZoom(whole) - MOST_OUT));
      this.isFitted = true;
    }

    fly([south, west, north, east]) {
      this.map.fitBounds([[south, west], [north, east]], { padding: [24, 24], maxZoom: 15, animate: !this.calm });
    }
  }

  window.riskmapH3Canvas = function (map, options) {
    const view = new MapView(map, options);
    view.start();
    window.riskmapMapLayers?.(view); // base map and public objects
    return view;
  };
})();
