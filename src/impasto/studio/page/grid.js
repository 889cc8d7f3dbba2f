// Grids: what varies over rows and columns; and the pictures of a finished one, to look at and to go on with.

import { api } from "./api.js";
import { $, attempt, make, plain } from "./elements.js";
import { priceOf } from "./price.js";

const REST_MS = 400;
const USUAL = {
  strength: "25, 50, 75",
  color_strength: "0, 50, 100",
  brush_scale: "0.5, 1, 2",
  keep_detail: "0, 40, 80",
  variation: "0, 1, 2",
  size_px: "256, 512",
};
const FIRST = ["painting", ...Object.keys(USUAL), "recipe"]; // the others follow
const FILES = ["encoder", "starting_point", "shape_px"]; // of these nothing is to be typed here
const title = (name) => name.replaceAll("_", " ").replace(/ px$/, ", px");

export class Grid {
  // `order` is called with a job and the axes of its grid.
  constructor({ options, recipes }, order) {
    this.turn = 0; // counts what was asked: only the last price is shown
    const others = options.map(({ name }) => name).filter((name) => !FIRST.includes(name) && !FILES.includes(name));
    this.options = [...FIRST, ...others];
    this.choices = Object.fromEntries(options.map(({ name, values }) => [name, /^[a-z0-9-]+(\|[a-z0-9-]+)+$/.test(values) ? values.split("|") : []]));
    this.choices.recipe = recipes.map(({ name }) => name);
    for (const side of ["rows", "columns"]) {
      $(`grid-${side}`).onchange = () => (this.suggest(side), this.show());
      $(`grid-${side}-values`).oninput = () => this.show();
    }
    $("grid-order").onclick = () => {
      $("grid-sheet").close();
      order(this.job, this.axes);
    };
  }

  open(job) {
    this.job = job;
    const several = job.request.paintings.length > 1;
    const names = this.options.filter((name) => name !== "painting" || several);
    const fill = (side, extra, chosen) => {
      const choice = (name) => make("option", { value: name, textContent: name === "painting" ? "the paintings" : title(name) });
      $(`grid-${side}`).replaceChildren(...extra, ...names.map(choice));
      $(`grid-${side}`).value = chosen;
      this.suggest(side);
    };
    fill("rows", [make("option", { value: "", textContent: "nothing" })], several ? "painting" : "brush_scale");
    fill("columns", [], "strength");
    $("grid-sheet").showModal();
    this.show();
  }

  suggest(side) {
    const name = $(`grid-${side}`).value;
    $(`grid-${side}-values`).value = USUAL[name] ?? this.choices[name]?.join(", ") ?? "";
    $(`grid-${side}-values`).parentElement.hidden = !name || name === "painting";
  }

  get axes() {
    const axis = (side) => {
      const name = $(`grid-${side}`).value, text = $(`grid-${side}-values`).value;
      const values = text.split(text.includes(";") ? ";" : ",").map((value) => value.trim()).filter(Boolean);
      return { name, values: name === "painting" ? [] : values };
    };
    return ["rows", "columns"].map(axis).filter(({ name }) => name);
  }

  async show() {
    const turn = ++this.turn, { axes, job } = this;
    const count = ({ name, values }) => (name === "painting" ? job.request.paintings.length : values.length);
    const pictures = axes.map(count).reduce((product, number) => product * number, 1);
    const same = axes.length === 2 && axes[0].name === axes[1].name;
    $("grid-order").disabled = !pictures || same;
    if (same) return say("Rows and columns are the same: choose two different things.");
    if (!pictures) return say("Give the values that vary, with commas between them.");
    const words = `${pictures} picture${pictures > 1 ? "s" : ""} of at most 384 px, with all else as in the picture in view.`;
    say(words);
    await new Promise((done) => setTimeout(done, REST_MS));
    if (turn !== this.turn) return;
    const { titles, ...request } = job.request;
    const price = await priceOf({ ...request, kind: "grid", of: null, axes });
    if (turn === this.turn && price) say(`${words} It takes ${price}.`);
  }
}

const say = (words) => ($("grid-says").textContent = words);

// The pictures of a grid: pick one to look at or to go on with, two to compare.
export class Cells {
  // `look` is called with pictures for the viewer, `paint` with a request, `take` with one too.
  constructor({ look, paint, take }) {
    this.picked = [];
    this.turn = 0; // counts what was picked: only the last price is shown
    $("cells-close").onclick = () => $("cells").close();
    $("cells-look").onclick = () => look(this.picked.map(({ picture, words }) => ({ src: picture, alt: `Pastiche: ${words}`, title: words })));
    const going = (go) => () => {
      $("cells").close();
      go(this.picked[0].request);
    };
    $("cells-take").onclick = going(take);
    $("cells-paint").onclick = going(paint);
  }

  async open(job) {
    const cells = await attempt(() => api.cells(job.id));
    if (!cells) return;
    this.picked = [];
    const words = ({ labels }) => Object.entries(labels).map(([name, value]) => (name === "painting" ? value : `${title(name)} ${value}`)).join(" · ");
    this.cells = cells.map((cell) => ({ ...cell, words: words(cell) }));
    const columns = 1 + Math.max(...cells.map(({ column }) => column), 0);
    $("cells-list").style.setProperty("--columns", columns);
    $("cells-list").replaceChildren(...this.cells.map((cell) => this.card(cell, job)));
    $("cells-title").textContent = plain(job.title);
    this.show();
    $("cells").showModal();
  }

  card(cell, { request }) {
    const button = make("button", { type: "button", title: cell.words, disabled: !cell.picture });
    const frame = make("span", { className: "try-frame" });
    if (cell.picture) frame.append(make("img", { src: cell.picture, alt: `Pastiche: ${cell.words}`, loading: "lazy" }));
    else frame.append(make("span", { className: "try-fault", textContent: "not painted" }));
    button.append(frame, make("span", { className: "try-name", textContent: cell.words }));
    button.onclick = () => this.pick(cell);
    cell.button = button;
    return make("li", {}, button);
  }

  pick(cell) {
    if (this.picked.includes(cell)) this.picked = this.picked.filter((other) => other !== cell);
    else this.picked = [...this.picked, cell].slice(-2);
    this.show();
  }

  show() {
    for (const cell of this.cells) cell.button.setAttribute("aria-pressed", String(this.picked.includes(cell)));
    const turn = ++this.turn, one = this.picked.length === 1, size = one && this.picked[0].request.options.size_px;
    $("cells-look").disabled = !this.picked.length;
    $("cells-look").textContent = this.picked.length > 1 ? "Compare them" : "Look closely";
    $("cells-take").disabled = $("cells-paint").disabled = !one;
    $("cells-paint").textContent = size ? `Paint it at ${size} px` : "Paint it";
    $("cells-says").textContent = this.picked.length ? this.picked.map(({ words }) => words).join("  |  ") : "Pick one to go on with, or two to compare.";
    if (one) this.price(turn);
  }

  // What painting the picked one at its full size would take.
  async price(turn) {
    const { words, request: { titles, ...request } } = this.picked[0];
    const price = await priceOf(request);
    if (turn === this.turn && price) $("cells-says").textContent = `${words}. To paint it takes ${price}.`;
  }
}
