// The shelf: paintings to choose from, one after the other by click, arrow keys or the buttons below the picture.

import { api } from "./api.js";
import { $, attempt, make, plain, tell, thumbnail } from "./elements.js";

export class Shelf {
  constructor(pictures, form) {
    this.form = form;
    this.pictures = []; // {name, title}
    for (const picture of pictures) this.put(picture);
  }

  put({ name, title, bundled }) {
    if (this.pictures.some((picture) => picture.name === name)) return;
    const picture = { name, title };
    this.pictures.push(picture);
    const button = make("button", { type: "button" }, thumbnail(picture, ""));
    button.dataset.name = name;
    button.onclick = () => this.form.choosePainting(picture);
    const too = make("button", { type: "button", className: "on", textContent: "+", hidden: true });
    too.onclick = () => this.form.addPainting(picture);
    const item = make("li", {}, button, too);
    if (!bundled) {
      const off = make("button", { type: "button", className: "on off", textContent: "×", title: "Take it off the shelf" });
      off.onclick = () => this.takeOff(picture, item);
      item.append(off);
    }
    this.name(item, title);
    $("shelf").append(item);
  }

  name(item, title) {
    const [button, too, off] = item.children;
    button.title = title;
    button.setAttribute("aria-label", `Choose the painting ${title}`);
    too.setAttribute("aria-label", `Add ${title} to the mixture`);
    off?.setAttribute("aria-label", `Take ${title} off the shelf`);
  }

  rename({ name, title }) {
    const place = this.pictures.findIndex((picture) => picture.name === name);
    if (place < 0) return;
    this.pictures[place].title = title;
    this.name($("shelf").children[place], title);
    this.show();
  }

  // Put it there to stay: a reload, and tomorrow, finds it.
  async keep(picture) {
    await attempt(() => api.shelve(picture.name));
    this.put(picture);
  }

  async takeOff(picture, item) {
    const done = await attempt(async () => (await api.unshelve(picture.name), true));
    if (!done) return;
    const next = item.nextElementSibling ?? item.previousElementSibling;
    this.pictures.splice(this.pictures.indexOf(picture), 1);
    item.remove();
    next?.firstElementChild.focus();
    this.show();
    tell(`${plain(picture.title)} is off the shelf.`, "note", [{ label: "Undo", action: () => (this.keep(picture), this.show()) }], 60);
  }

  // Mark what is chosen.
  show() {
    const { form } = this;
    for (const item of $("shelf").children) {
      const [button, too] = item.children, chosen = form.has(button.dataset.name);
      button.setAttribute("aria-pressed", String(chosen));
      too.hidden = chosen || !form.paintings.length;
    }
    $("pager").hidden = !form.ready || this.pictures.length < 2;
    $("paged").textContent = form.paintings.length ? plain(form.paintings.at(-1).title) : "";
  }

  // Go on to the next painting that is not chosen yet, round and round.
  page(step) {
    const { form, pictures } = this, count = pictures.length;
    if (!form.photo || !count) return;
    const last = pictures.findIndex(({ name }) => name === form.paintings.at(-1)?.name);
    let at = last < 0 && step < 0 ? 0 : last;
    for (let tries = 0; tries < count; tries++) {
      at = (at + step + count) % count;
      if (form.has(pictures[at].name)) continue;
      form.choosePainting(pictures[at]);
      const [button] = $("shelf").children[at].children;
      button.scrollIntoView({ block: "nearest", inline: "nearest" });
      if ($("shelf").contains(document.activeElement)) button.focus();
      return;
    }
  }
}
