// Drafts of what the form says, requested again as soon as it changes.

import { api } from "./api.js";
import { plain, tell } from "./elements.js";

const SLIDE_MS = 150; // a slider has come to rest
const CLIENT_ID = Math.random().toString(36).slice(2); // of the requests of a tab only the last is drafted

export class Drafts {
  // `arrived` is called with each draft, in the order in which they were asked for.
  constructor(form, arrived) {
    this.form = form;
    this.arrived = arrived;
    this.wanted = this.had = null; // what was asked for last; what came last
    this.asked = this.came = 0;
    this.sliding = null;
  }

  // Ask for the draft of what the form says, unless that was done; at once, or when a slider has come to rest.
  want(wanted, sliding) {
    if (wanted === this.wanted) return;
    this.wanted = wanted;
    clearTimeout(this.sliding);
    if (sliding) this.sliding = setTimeout(() => this.ask(wanted), SLIDE_MS);
    else this.ask(wanted);
  }

  // What is still on its way is not wanted any more.
  drop() {
    clearTimeout(this.sliding);
    this.wanted = this.had = null;
    this.came = ++this.asked;
  }

  get awaited() {
    return this.wanted !== this.had;
  }

  async ask(wanted) {
    const sequence = ++this.asked, after = this.form.paintings.map(({ title }) => plain(title)).join(" + ");
    try {
      const draft = await api.draft(await this.form.request(), CLIENT_ID, sequence);
      if (!draft || sequence < this.came) return;
      this.came = sequence;
      await this.arrived({ ...draft, after }, () => sequence === this.came && (this.had = wanted));
    } catch (error) {
      if (sequence !== this.asked) return;
      this.came = sequence;
      this.had = wanted;
      tell(error.message);
      await this.arrived(null, () => {});
    }
  }
}
