// Drafts of what the form says, requested again as soon as it changes.

import { call } from "./api.js";
import { plain, tell } from "./elements.js";

const SLIDE_MS = 150; // a slider has come to rest
const CLIENT_ID = Math.random().toString(36).slice(2); // of the requests of a tab only the last is drafted

export class Drafts {
  // `arrived` is called with each draft, in the order in which they were asked for.
  constructor(form, arrived) {
    this.form = form;
    this.arrived = arrived;
    this.look = null; // what was asked for last
    this.asked = this.came = 0;
    this.sliding = null;
  }

  // Ask for the draft of a look, unless that was done; at once, or when a slider has come to rest.
  want(look, sliding) {
    if (look === this.look) return;
    this.look = look;
    clearTimeout(this.sliding);
    if (sliding) this.sliding = setTimeout(() => this.ask(), SLIDE_MS);
    else this.ask();
  }

  // What is still on its way is not wanted any more.
  drop() {
    clearTimeout(this.sliding);
    this.look = null;
    this.came = ++this.asked;
  }

  get awaited() {
    return this.came < this.asked;
  }

  async ask() {
    const sequence = ++this.asked, after = this.form.paintings.map(({ title }) => plain(title)).join(" + ");
    try {
      const draft = await call("draft", await this.form.request(), CLIENT_ID, sequence);
      if (!draft || sequence < this.came) return;
      this.came = sequence;
      await this.arrived({ ...draft, after });
    } catch (error) {
      if (sequence !== this.asked) return;
      this.came = sequence;
      tell(error.message);
      await this.arrived(null);
    }
  }
}
