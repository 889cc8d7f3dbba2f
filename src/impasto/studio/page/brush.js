// Regions brushed on the photo: a layer for every painting, each pixel in one layer at most.

import { Closeup } from "./closeup.js";
import { $, make, tell } from "./elements.js";

export const PHOTO = "photo"; // the label of what stays the photograph
export const COLOURS = ["#2f7fd0", "#e3a008", "#2e9e6b", "#a855b8", "#e0633a", "#1fa5b5", "#8a8f2a", "#c43d6b"];
const EDGE_PX = 1024, FEATHER = 0.004, LEAST_SHARE = 0.001;
const SIZE_STEP = 4; // of the brush's slider, for a turn of the wheel or a key
const MOST_UNDONE = 100;
const ZOOM = 1.25; // for a turn of the wheel with Ctrl, which is what a pinch on a touchpad is

export class Brush {
  constructor(canvas, changed) {
    this.canvas = canvas;
    this.changed = changed;
    this.label = null;
    this.size = [0, 0];
    this.strokes = [];
    this.masks = new Map(); // label: an image to begin with
    this.layers = new Map(); // label: canvas, its alpha the mask
    this.colours = new Map();
    this.number = 0; // of the last stroke
    this.past = []; // what undo goes back to, what redo goes on to: {strokes, masks}
    this.future = [];
    this.cursor = [0.5, 0.5];
    this.closeup = new Closeup();
    canvas.onpointerdown = (event) => this.begin(event);
    canvas.onkeydown = (event) => this.key(event);
    canvas.onfocus = () => this.showRing(canvas.matches(":focus-visible"));
    canvas.onblur = canvas.onpointerleave = () => this.showRing(false);
    canvas.addEventListener("pointermove", (event) => this.follow(event));
    canvas.addEventListener("wheel", (event) => this.wheel(event), { passive: false });
    canvas.addEventListener("auxclick", (event) => event.preventDefault());
    $("brush-size").addEventListener("input", () => this.showRing(!$("ring").hidden));
  }

  // What is brushed, as a value to compare.
  get signature() {
    return [[...this.masks].map(([label, { src }]) => [label, src]), this.strokes.map(({ number, label }) => [number, label])];
  }

  // A new photo: nothing is brushed.
  reset(width, height) {
    const share = Math.min(1, EDGE_PX / Math.max(width, height));
    this.size = [Math.max(1, Math.round(width * share)), Math.max(1, Math.round(height * share))];
    [this.canvas.width, this.canvas.height] = this.size;
    this.strokes = [];
    this.masks.clear();
    this.past = [];
    this.future = [];
    this.rebuild();
  }

  // The labels there are, with their colours; the first is what is left everywhere else, so has no layer.
  setLabels(entries) {
    this.colours = new Map(entries);
    this.base = entries[0]?.[0];
    const gone = (label) => !this.colours.has(label);
    this.strokes = this.strokes.filter((stroke) => !gone(stroke.label));
    for (const label of [...this.masks.keys()]) if (gone(label) || label === this.base) this.masks.delete(label);
    this.rebuild();
  }

  setMask(label, image) {
    this.remember();
    this.masks.set(label, image);
    this.strokes = this.strokes.filter((stroke) => stroke.label !== label);
    this.rebuild();
  }

  get state() {
    return { strokes: [...this.strokes], masks: new Map(this.masks) };
  }

  // Before a change: undo comes back to what is there now.
  remember() {
    this.past = [...this.past, this.state].slice(-MOST_UNDONE);
    this.future = [];
  }

  undo() {
    this.goTo(this.past, this.future);
  }

  redo() {
    this.goTo(this.future, this.past);
  }

  goTo(from, to) {
    if (!from.length) return;
    to.push(this.state);
    Object.assign(this, from.pop());
    this.rebuild();
  }

  clear() {
    if (this.strokes.length || this.masks.size) this.remember();
    this.strokes = [];
    this.masks.clear();
    this.rebuild();
  }

  // What is brushed with the label is not, and all the rest is.
  invert() {
    this.remember();
    this.strokes.push({ number: ++this.number, label: this.label, inverts: true });
    this.rebuild();
  }

  // Layers from masks and strokes.
  rebuild() {
    this.layers.clear();
    const [width, height] = this.size;
    for (const label of this.colours.keys()) {
      if (label === this.base) continue;
      const layer = make("canvas", { width, height });
      const mask = this.masks.get(label);
      if (mask) fillFromMask(layer, mask, this.colours.get(label));
      this.layers.set(label, layer);
    }
    for (const stroke of this.strokes) this.stroke(stroke, 0);
    this.draw();
    this.changed();
  }

  // Draw a stroke's points from one on: into its own layer, out of all the others. A soft one is drawn as a whole.
  stroke({ label, width, soft, points, inverts }, from) {
    if (inverts) return this.invertLayer(label);
    for (const [other, layer] of this.layers) {
      const pen = layer.getContext("2d");
      pen.globalCompositeOperation = other === label ? "source-over" : "destination-out";
      pen.strokeStyle = pen.fillStyle = this.colours.get(other);
      pen.filter = soft ? `blur(${(soft * width) / 4}px)` : "none";
      pen.lineWidth = width * (1 - soft / 2);
      pen.lineCap = pen.lineJoin = "round";
      pen.beginPath();
      const part = points.slice(Math.max(0, from - 1));
      if (part.length === 1) {
        pen.arc(part[0][0], part[0][1], pen.lineWidth / 2, 0, 7);
        pen.fill();
      } else {
        part.forEach(([x, y], place) => (place ? pen.lineTo(x, y) : pen.moveTo(x, y)));
        pen.stroke();
      }
      pen.filter = "none";
    }
  }

  invertLayer(label) {
    const own = this.layers.get(label);
    if (!own) return; // its painting is not there any more
    const pen = own.getContext("2d");
    pen.globalCompositeOperation = "source-out";
    pen.fillStyle = this.colours.get(label);
    pen.fillRect(0, 0, ...this.size);
    for (const layer of this.layers.values()) {
      if (layer === own) continue;
      const eraser = layer.getContext("2d");
      eraser.globalCompositeOperation = "destination-out";
      eraser.drawImage(own, 0, 0);
    }
  }

  // The photo as it is until something is brushed.
  draw() {
    const pen = this.canvas.getContext("2d");
    pen.clearRect(0, 0, ...this.size);
    if (!this.strokes.length && !this.masks.size) return;
    pen.globalAlpha = 1;
    pen.fillStyle = this.colours.get(this.base) ?? "#0000";
    pen.fillRect(0, 0, ...this.size);
    pen.globalCompositeOperation = "destination-out";
    for (const layer of this.layers.values()) pen.drawImage(layer, 0, 0);
    pen.globalCompositeOperation = "source-over";
    for (const [label, layer] of this.layers) if (label !== PHOTO) pen.drawImage(layer, 0, 0);
  }

  // The ring shows where the brush is, and how large.
  showRing(on) {
    const ring = $("ring"), [x, y] = this.cursor;
    ring.hidden = !on;
    ring.style.left = `${100 * x}%`;
    ring.style.top = `${100 * y}%`;
    ring.style.width = `${(100 * this.width()) / this.size[0]}%`;
  }

  follow(event) {
    const box = this.canvas.getBoundingClientRect();
    this.cursor = [(event.clientX - box.left) / box.width, (event.clientY - box.top) / box.height];
    this.showRing(event.pointerType !== "touch");
  }

  resize(steps) {
    $("brush-size").value = Number($("brush-size").value) + steps * SIZE_STEP;
    $("brush-size").dispatchEvent(new Event("input", { bubbles: true }));
  }

  wheel(event) {
    event.preventDefault();
    const way = -Math.sign(event.deltaY);
    if (event.ctrlKey || event.metaKey) this.closeup.zoomBy(ZOOM ** way, [event.clientX, event.clientY]);
    else this.resize(way);
  }

  // How soft its edge is, from 0 to 1.
  get softness() {
    return Number($("brush-soft").value) / 100;
  }

  // Of the brush in the canvas's pixels: from 1 to 40 % of the long edge.
  width() {
    return Math.max(...this.size) * 0.01 * 40 ** (Number($("brush-size").value) / 100);
  }

  begin(event) {
    const { canvas } = this;
    if (event.button === 1 || (event.button === 0 && event.shiftKey)) return this.closeup.drag(event, canvas);
    if (event.pointerType === "touch" && !event.isPrimary && this.finger) return this.beginPinch(event);
    if (event.button !== 0 || this.label === null) return;
    this.remember();
    const box = canvas.getBoundingClientRect();
    const at = (move) => [
      ((move.clientX - box.left) / box.width) * this.size[0],
      ((move.clientY - box.top) / box.height) * this.size[1],
    ];
    const stroke = { number: ++this.number, label: this.label, width: this.width(), soft: this.softness, points: [at(event)] };
    this.strokes.push(stroke);
    this.finger = event;
    const before = stroke.soft ? this.copyLayers() : null;
    const show = (from) => {
      if (before) this.setLayers(before);
      this.stroke(stroke, before ? 0 : from);
      this.draw();
    };
    show(0);
    canvas.setPointerCapture(event.pointerId);
    let drawn = 1, waiting = false;
    canvas.onpointermove = (move) => {
      if (move.pointerId !== event.pointerId) return;
      const count = stroke.points.length;
      for (const one of move.getCoalescedEvents?.() ?? [move]) stroke.points.push(at(one));
      if (stroke.points.length === count) stroke.points.push(at(move));
      if (waiting) return;
      waiting = true; // once for a picture of the screen
      requestAnimationFrame(() => {
        waiting = false;
        if (!this.strokes.includes(stroke)) return;
        show(drawn);
        drawn = stroke.points.length;
      });
    };
    canvas.onpointerup = canvas.onpointercancel = () => {
      canvas.onpointermove = canvas.onpointerup = canvas.onpointercancel = null;
      this.finger = null;
      show(drawn);
      drawn = stroke.points.length;
      this.changed();
    };
  }

  // A second finger: the stroke that the first has begun was none.
  beginPinch(event) {
    const first = this.finger;
    this.finger = null;
    this.strokes.pop();
    this.past.pop();
    this.rebuild();
    this.closeup.pinch(first, event, this.canvas);
  }

  copyLayers() {
    const copy = (layer) => {
      const kept = make("canvas", { width: layer.width, height: layer.height });
      kept.getContext("2d").drawImage(layer, 0, 0);
      return kept;
    };
    return new Map([...this.layers].map(([label, layer]) => [label, copy(layer)]));
  }

  setLayers(copies) {
    for (const [label, layer] of this.layers) {
      const pen = layer.getContext("2d");
      pen.globalCompositeOperation = "copy";
      pen.drawImage(copies.get(label), 0, 0);
    }
  }

  key(event) {
    if (this.closeup.key(event)) return event.preventDefault();
    const moves = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };
    const move = moves[event.key], size = { "[": -1, "]": 1 }[event.key];
    if (size) this.resize(size);
    if (!move && event.key !== " ") return;
    event.preventDefault();
    const step = this.width() / 3;
    const clip = (value) => Math.min(1, Math.max(0, value));
    if (move) this.cursor = this.cursor.map((value, axis) => clip(value + (move[axis] * step) / this.size[axis]));
    else if (this.label !== null) {
      this.remember();
      const point = this.cursor.map((value, axis) => value * this.size[axis]);
      this.strokes.push({ number: ++this.number, label: this.label, width: this.width(), soft: this.softness, points: [point] });
      this.stroke(this.strokes.at(-1), 0);
      this.changed();
    }
    this.draw();
    this.showRing(true);
  }

  // Share of the photo that a layer covers.
  share(label) {
    const layer = this.layers.get(label);
    if (!layer || !(this.masks.has(label) || this.strokes.some((stroke) => stroke.label === label))) return 0;
    const small = make("canvas", { width: 64, height: 64 });
    const pen = small.getContext("2d", { willReadFrequently: true });
    pen.drawImage(layer, 0, 0, 64, 64);
    const { data } = pen.getImageData(0, 0, 64, 64);
    let sum = 0;
    for (let place = 3; place < data.length; place += 4) sum += data[place];
    const share = sum / (255 * 64 * 64);
    return share < LEAST_SHARE ? 0 : share;
  }

  // The mask of a layer as a PNG: white where it is painted, with a soft edge.
  export(label) {
    const [width, height] = this.size;
    const mask = make("canvas", { width, height });
    const pen = mask.getContext("2d");
    pen.drawImage(this.layers.get(label), 0, 0);
    pen.globalCompositeOperation = "source-in";
    pen.fillStyle = "#fff";
    pen.fillRect(0, 0, width, height);
    const soft = make("canvas", { width, height });
    const out = soft.getContext("2d");
    out.fillStyle = "#000";
    out.fillRect(0, 0, width, height);
    out.filter = `blur(${Math.max(1, Math.max(width, height) * FEATHER)}px)`;
    out.drawImage(mask, 0, 0);
    return new Promise((done, fail) =>
      soft.toBlob((blob) => (blob ? done(blob) : fail(new Error("the browser could not write the mask"))), "image/png"),
    );
  }
}

function fillFromMask(layer, image, colour) {
  const pen = layer.getContext("2d", { willReadFrequently: true });
  pen.drawImage(image, 0, 0, layer.width, layer.height);
  const pixels = pen.getImageData(0, 0, layer.width, layer.height);
  const [red, green, blue] = [1, 3, 5].map((at) => parseInt(colour.slice(at, at + 2), 16));
  for (let place = 0; place < pixels.data.length; place += 4) {
    const light = (pixels.data[place] + pixels.data[place + 1] + pixels.data[place + 2]) / 3;
    pixels.data.set([red, green, blue, (light * pixels.data[place + 3]) / 255], place);
  }
  pen.putImageData(pixels, 0, 0);
}

export async function loadImage(url) {
  const image = new Image();
  image.src = url;
  try {
    await image.decode();
  } catch {
    tell("a picture could not be shown");
  }
  return image;
}
