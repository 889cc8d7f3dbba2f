// What is to be painted: photo, paintings, regions, settings; to a request and back.

import { add, api, shown } from "./api.js";
import { Brush, COLOURS, loadImage, PHOTO } from "./brush.js";
import { $, isStyle, make, plain, showShares, thumbnail } from "./elements.js";
import { fillOptions, readOptions } from "./options.js";

const DEFAULT_RECIPE = "painterly";
const brushScale = () => 2 ** Number($("brush_scale").value);

export class Form {
  // `changed` is called after every change, `renamed` with a painting and its new name.
  constructor(start, changed, renamed) {
    this.start = start;
    this.changed = changed;
    this.renamed = renamed;
    this.photo = this.clip = null;
    this.paintings = []; // {name, title, weight, label}
    this.labels = 0;
    this.masks = new Map(); // label: the mask's name in the studio, or its upload, until it is brushed again
    this.sized = false; // whether a size was chosen by hand
    this.brush = new Brush($("brush"), () => {
      this.masks.clear();
      this.showPaintings();
      this.changed();
    });
    this.setDefaults();
    $("recipe").addEventListener("change", () => this.followRecipe());
  }

  setDefaults() {
    const given = this.start.given;
    $("strength").value = given.strength ?? 50;
    $("colors").value = given.color === "photo" ? (given.color_strength ?? 100) : 0;
    $("brush_scale").value = Math.log2(given.brush_scale ?? 1);
    $("variation").value = given.variation ?? 0;
    $("exact").value = given.size_px ?? "";
    $("recipe").value = DEFAULT_RECIPE;
    $("keep_detail").value = this.usualDetail = this.detailOfRecipe();
    for (const radio of document.querySelectorAll("#sizes input")) radio.checked = !$("exact").value && radio.value === "1024";
    fillOptions({});
    this.showValues();
  }

  // What is painted where the slider is not moved.
  detailOfRecipe() {
    const { given, recipes } = this.start;
    return given.keep_detail ?? recipes.find(({ name }) => name === $("recipe").value).keep_detail;
  }

  followRecipe() {
    const usual = this.detailOfRecipe();
    if (Number($("keep_detail").value) === this.usualDetail) $("keep_detail").value = $("keep_detail-shown").value = usual;
    this.usualDetail = usual;
  }

  showValues() {
    for (const id of ["strength", "colors", "keep_detail"]) $(`${id}-shown`).value = $(id).value;
    $("brush_scale-shown").value = `× ${Number(brushScale().toFixed(2))}`;
    $("recipe").dispatchEvent(new Event("change"));
    showShares();
  }

  // `clip`: what the photo is a frame of.
  setPhoto(photo, clip = null) {
    this.photo = photo;
    this.clip = clip && { name: clip.name, title: clip.title };
    this.brush.reset(photo?.width ?? 1, photo?.height ?? 1);
    if (photo && !this.sized && !$("exact").value) {
      const size = Math.max(photo.width, photo.height) >= 900 ? 1024 : 512;
      document.querySelector(`#sizes [value='${size}']`).checked = true;
    }
    this.showPhoto();
    this.showPaintings();
    this.changed();
  }

  addPainting({ name, title }, weight = 1) {
    if (this.has(name)) return;
    this.paintings.push({ name, title, weight, label: `painting-${this.labels++}` });
    this.relabel();
  }

  // Take a painting in place of the last one: the others stay, and what was brushed.
  choosePainting({ name, title }) {
    if (!this.paintings.length) return this.addPainting({ name, title });
    if (this.has(name)) return;
    Object.assign(this.paintings.at(-1), { name, title });
    this.showPaintings();
    this.changed();
  }

  // Take these paintings in place of those there are; each has what was brushed for the one in whose place it comes.
  takePaintings(pictures) {
    this.paintings = pictures.map(({ name, title }, place) => {
      return { name, title, weight: 1, label: this.paintings[place]?.label ?? `painting-${this.labels++}` };
    });
    this.relabel();
  }

  has(name) {
    return this.paintings.some((painting) => painting.name === name);
  }

  removePainting(label) {
    this.paintings = this.paintings.filter((painting) => painting.label !== label);
    this.relabel();
  }

  // Colours stay with their painting: the label's number chooses.
  relabel() {
    const colour = (label) => COLOURS[Number(label.split("-")[1]) % COLOURS.length];
    const entries = this.paintings.map(({ label }) => [label, colour(label)]);
    this.brush.setLabels([...entries, [PHOTO, "#ffffff"]]);
  }

  showPhoto() {
    $("photo-drop").classList.toggle("full", Boolean(this.photo));
    $("photo-thumb").hidden = !this.photo;
    $("sample").hidden = Boolean(this.photo);
    $("photo-ask").replaceChildren(...(this.photo ? [plain((this.clip ?? this.photo).title)] : [make("b", { textContent: "Choose a photo" }), make("br"), "or drop it here"]));
    $("photo-file").setAttribute("aria-label", this.photo ? `Photo: ${this.photo.title}; choose another` : "Choose a photo");
    if (!this.photo) return;
    $("photo-thumb").src = shown(this.photo.name, 320);
    $("photo-thumb").alt = `Photo: ${this.photo.title}`;
  }

  showPaintings() {
    const brushed = new Map([...this.brush.colours.keys()].map((label) => [label, this.brush.share(label)]));
    const anywhere = [...brushed.values()].some((share) => share > 0);
    const rest = this.paintings.filter(({ label }) => !brushed.get(label));
    const sum = rest.reduce((total, { weight }) => total + weight, 0);
    $("paintings").replaceChildren(
      ...this.paintings.map((painting) => {
        const { name, title, label } = painting;
        const dot = make("span", { className: "dot", hidden: !anywhere });
        dot.style.setProperty("--dot", this.brush.colours.get(label));
        const where = make("div", { className: "where" }, dot);
        if (brushed.get(label)) where.append("where brushed");
        else if (rest.length > 1) {
          const percent = make("span", { textContent: `${Math.round((100 * painting.weight) / sum)} %` });
          const slider = make("input", { type: "range", min: "5", max: "100", value: String(100 * painting.weight), step: "5" });
          slider.setAttribute("aria-label", `Share of ${title}`);
          slider.oninput = () => {
            painting.weight = Number(slider.value) / 100;
            this.showShares(rest);
            this.changed(true);
          };
          percent.dataset.share = label;
          where.append(slider, percent);
        } else where.append(anywhere ? "everywhere else" : "everywhere");
        const remove = make("button", { type: "button", className: "quiet", textContent: "×" });
        remove.setAttribute("aria-label", `Remove ${title}`);
        remove.onclick = () => this.removePainting(label);
        const image = thumbnail(painting, `Painting: ${title}`);
        const item = make("li", { className: "painting" }, image, this.showName(painting), remove, where);
        item.dataset.name = name;
        return item;
      }),
    );
    const more = this.paintings.length > 0;
    $("painting-ask").replaceChildren(make("b", { textContent: more ? "Add another" : "Choose a painting" }), make("br"), "or drop it here");
    $("brush-open").hidden = !(this.photo && more);
    showShares();
  }

  // The name of a painting, to be written over unless it is a bundled one.
  showName(painting) {
    const { name, title } = painting, shown = make("span", { className: "name", textContent: plain(title), title });
    if (this.start.shelf.some((picture) => picture.bundled && picture.name === name)) return shown;
    shown.contentEditable = "plaintext-only";
    shown.role = "textbox";
    shown.spellcheck = false;
    shown.setAttribute("aria-label", "Name of this painting");
    shown.onkeydown = (event) => event.key === "Enter" && (event.preventDefault(), shown.blur());
    shown.onblur = async () => {
      const words = shown.textContent.trim();
      if (words && words !== plain(title)) await this.renamed(painting, words);
      shown.textContent = plain(painting.title);
    };
    return shown;
  }

  showShares(rest) {
    const sum = rest.reduce((total, { weight }) => total + weight, 0);
    for (const { label, weight } of rest) {
      document.querySelector(`[data-share='${label}']`).textContent = `${Math.round((100 * weight) / sum)} %`;
    }
  }

  get ready() {
    return Boolean(this.photo && this.paintings.length);
  }

  // Two ways to say the size: the last one counts.
  chooseSize(exact) {
    this.sized = true;
    if (!exact) $("exact").value = "";
    const radios = [...document.querySelectorAll("#sizes input")];
    if ($("exact").value) for (const radio of radios) radio.checked = false;
    else if (!radios.some((radio) => radio.checked)) radios[1].checked = true;
  }

  // The settings, for the paintings that are chosen or for others.
  settings(paintings = this.paintings) {
    const options = readOptions();
    const colors = Number($("colors").value);
    options.size_px = Number($("exact").value || document.querySelector("#sizes :checked").value);
    options.strength = Number($("strength").value);
    // At 0 the photo's colours are the painting's, and can still be steered towards the photo's; not with a style
    // file, which takes no other colours.
    const fixed = !colors && paintings.some(({ name }) => isStyle(name));
    if (!options.color) Object.assign(options, fixed ? {} : { color: "photo", color_strength: colors });
    else options.color_strength = colors || 100;
    if (brushScale() !== 1) options.brush_scale = brushScale();
    if (Number($("keep_detail").value) !== this.usualDetail) options.keep_detail = Number($("keep_detail").value);
    if (Number($("variation").value)) options.variation = Number($("variation").value);
    const recipe = $("recipe").value;
    return { options, recipe: recipe === DEFAULT_RECIPE ? null : recipe };
  }

  // All that the form says, as text: another order is another picture.
  order() {
    return JSON.stringify([this.inputs(), this.settings()]);
  }

  inputs() {
    const paintings = this.paintings.map(({ name, weight }) => [name, weight]);
    return [this.photo?.name, this.clip?.name, paintings, this.brush.signature];
  }

  // What a picture of it looks like, whatever its size: another look is another draft.
  look() {
    const sliders = ["strength", "colors", "brush_scale"].map((id) => $(id).value);
    return JSON.stringify([this.inputs(), sliders]);
  }

  // The request; masks that were brushed are uploaded on the way.
  async request() {
    const regions = await this.requestRegions(), rest = this.paintings.filter(({ label }) => !this.brush.share(label));
    const paintings = rest.map(({ name, weight }) => ({ path: name, weight }));
    const film = this.clip ? { kind: "film", clip: this.clip.name } : {};
    return { photo: this.photo.name, paintings, regions, ...film, ...this.settings() };
  }

  async requestRegions() {
    const regions = [];
    for (const label of this.brush.layers.keys()) {
      if (!this.brush.share(label)) continue;
      if (!this.masks.has(label)) this.masks.set(label, this.uploadMask(label));
      const paintings = this.paintings.filter((painting) => painting.label === label).map(({ name }) => ({ path: name }));
      regions.push({ mask: await this.masks.get(label), paintings });
    }
    return regions;
  }

  // The request with another painting in place of all that are chosen; what stays the photo stays.
  async requestAfter(painting, size_px) {
    const { options, recipe } = this.settings([painting]), own = await this.requestRegions();
    const regions = own.filter(({ paintings }) => !paintings.length);
    return { photo: this.photo.name, paintings: [{ path: painting.name }], regions, options: { ...options, size_px }, recipe };
  }

  // One upload for all who ask meanwhile.
  async uploadMask(label) {
    try {
      const blob = await this.brush.export(label);
      return (await add(blob, "region.png", this.start.limits.max_upload_bytes)).name;
    } catch (error) {
      this.masks.delete(label);
      throw error;
    }
  }

  // Back from a request, as a job or a pastiche holds it.
  fill({ paintings, regions, options, recipe, titles, clip }, { photo, masks }) {
    const title = (name) => titles[name] ?? name;
    this.paintings = [];
    this.labels = 0;
    this.brush.clear();
    for (const { path, weight } of paintings) this.addPainting({ name: path, title: title(path) }, Math.min(1, weight));
    const masked = new Map();
    for (const { mask, paintings: own } of regions) {
      for (const { path } of own) this.addPainting({ name: path, title: title(path) });
      const label = own.length ? this.paintings.find(({ name }) => name === own[0].path).label : PHOTO;
      if (mask) masked.set(label, mask);
    }
    this.relabel();
    this.setDefaults();
    const { strength, color, color_strength, brush_scale, keep_detail, variation, ...others } = options;
    const size_px = options.size_px ?? this.start.given.size_px;
    delete others.size_px;
    if (strength !== undefined) $("strength").value = strength;
    if (color && color !== "painting") $("colors").value = color_strength ?? 100;
    if (color && color !== "painting" && color !== "photo") others.color = color;
    if (brush_scale !== undefined) $("brush_scale").value = Math.log2(brush_scale);
    if (variation !== undefined) $("variation").value = variation;
    for (const radio of document.querySelectorAll("#sizes input")) radio.checked = Number(radio.value) === size_px;
    $("exact").value = document.querySelector("#sizes :checked") ? "" : (size_px ?? "");
    this.chooseSize(true);
    if (recipe) $("recipe").value = recipe;
    this.followRecipe();
    if (keep_detail !== undefined) $("keep_detail").value = keep_detail;
    fillOptions(others);
    this.showValues();
    this.setPhoto(photo, clip && { name: clip, title: title(clip) });
    for (const [label, mask] of masked) this.brush.setMask(label, masks.get(mask));
    for (const [label, mask] of masked) this.masks.set(label, mask);
  }

  clear() {
    this.paintings = [];
    this.relabel();
    this.sized = false;
    this.setPhoto(null);
    this.setDefaults();
  }
}

// What a request needs before it can be shown: the photo's size, and the masks.
export async function prepare({ photo, regions }) {
  const names = regions.map(({ mask }) => mask).filter(Boolean);
  const [measured, ...images] = await Promise.all([photo ? api.measure(photo) : null, ...names.map((name) => loadImage(shown(name, 1600)))]);
  return { photo: measured, masks: new Map(names.map((name, place) => [name, images[place]])) };
}
