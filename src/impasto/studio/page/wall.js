// The wall: this photo after every painting of the shelf, as drafts that fill in while one looks.

import { api } from "./api.js";
import { $, make, plain, thumbnail } from "./elements.js";

const EDGE_PX = 384; // of these drafts
const AT_ONCE = 2; // asked for at once: the next begins while one is shown
const MOST_MIXED = 4;

export class Wall {
  // `take` is called with the paintings that were picked.
  constructor(form, shelf, take) {
    this.form = form;
    this.shelf = shelf;
    this.picked = []; // in the order in which they were picked
    this.turn = 0; // counts openings and closings: only the last one's drafts are shown
    $("try-open").onclick = () => this.open();
    $("try-close").onclick = () => $("try").close();
    $("try").onclose = () => this.turn++;
    $("try-take").onclick = () => {
      $("try").close();
      take(this.picked);
    };
  }

  async open() {
    const turn = ++this.turn, pictures = [...this.shelf.pictures];
    this.picked = [];
    const cards = pictures.map((picture) => this.card(picture));
    $("try-list").replaceChildren(...cards);
    this.show();
    $("try").showModal();
    let asked = 0, came = 0;
    const say = () => ($("try-says").textContent = came < pictures.length ? `${came} of ${pictures.length} drafts` : "");
    say();
    const askOn = async () => {
      while (turn === this.turn && asked < pictures.length) {
        const place = asked++;
        await this.draft(pictures[place], cards[place], () => turn === this.turn);
        came++;
        if (turn === this.turn) say();
      }
    };
    await Promise.all(Array.from({ length: AT_ONCE }, askOn));
  }

  card(picture) {
    const { photo } = this.form;
    const button = make("button", { type: "button", title: plain(picture.title), "aria-pressed": "false" });
    const frame = make("span", { className: "try-frame" }, thumbnail(picture, ""));
    frame.style.setProperty("--ratio", Math.min(2, Math.max(0.5, photo.width / photo.height)));
    button.append(frame, make("span", { className: "try-name", textContent: plain(picture.title) }));
    button.dataset.name = picture.name;
    button.onclick = () => this.pick(picture);
    button.ondblclick = () => {
      this.picked = [picture];
      $("try-take").click();
    };
    return make("li", {}, button);
  }

  pick(picture) {
    if (this.picked.includes(picture)) this.picked = this.picked.filter((other) => other !== picture);
    else this.picked = [...this.picked, picture].slice(-MOST_MIXED);
    this.show();
  }

  show() {
    const titles = this.picked.map(({ title }) => plain(title));
    for (const button of $("try-list").querySelectorAll("button")) {
      button.setAttribute("aria-pressed", String(this.picked.some(({ name }) => name === button.dataset.name)));
    }
    $("try-take").disabled = !titles.length;
    $("try-take").textContent = !titles.length ? "Pick one, or several to blend" : titles.length > 1 ? `Blend ${titles.join(" + ")}` : `Take ${titles[0]}`;
  }

  async draft(picture, card, current) {
    const frame = card.querySelector(".try-frame");
    try {
      const draft = await api.draft(await this.form.requestAfter(picture, EDGE_PX), "", 0);
      const image = make("img", { src: draft.picture, alt: `Draft after ${plain(picture.title)}` });
      await image.decode();
      if (current()) frame.replaceChildren(image);
    } catch (error) {
      if (current()) frame.append(make("span", { className: "try-fault", textContent: error.message }));
    }
  }
}
