// What a picture would take, by the program's own plan: said before it is ordered.

import { api } from "./api.js";

const REST_MS = 400; // the form has come to rest
const CLIENT_ID = Math.random().toString(36).slice(2);
let sequence = 0;

export const duration = (seconds) =>
  seconds < 90 ? `${Math.max(1, Math.round(seconds))}\u00a0s` : seconds < 5400 ? `${Math.round(seconds / 60)}\u00a0min` : `${(seconds / 3600).toFixed(1)}\u00a0h`;

export const inWords = ({ size: [width, height], seconds }) => `${width} × ${height} px · about ${duration(seconds)}`;

// Prices of what a form says: `show` is called with the words, or with why it cannot be painted.
export class Price {
  constructor(form, show) {
    this.form = form;
    this.show = show;
    this.wanted = null;
  }

  want(wanted) {
    if (wanted === this.wanted) return;
    this.wanted = wanted;
    clearTimeout(this.resting);
    this.show("");
    if (wanted !== null) this.resting = setTimeout(() => this.ask(wanted), REST_MS);
  }

  async ask(wanted) {
    let words;
    try {
      const price = await api.price(await this.form.request(), `${CLIENT_ID}-price`, ++sequence);
      if (!price) return;
      words = inWords(price);
    } catch (error) {
      words = error.message;
    }
    if (wanted === this.wanted) this.show(words);
  }
}

// The price of a request, as it is asked for from a menu; empty where it cannot be told.
export async function priceOf(request) {
  try {
    const price = await api.price(request, "", 0);
    return `about ${duration(price.seconds)}`;
  } catch (error) {
    return error.message.includes("memory") ? "does not fit the memory" : "";
  }
}
