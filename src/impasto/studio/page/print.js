// Sizes on paper: how many pixels they need, what that takes, and what the pictures at hand allow.

import { api } from "./api.js";
import { $, attempt, plain } from "./elements.js";
import { priceOf } from "./price.js";

const CM_AN_INCH = 2.54, LARGEST_PX = 65536, REST_MS = 400;

export class Print {
  // `order` is called with a job and the long edge of its larger version.
  constructor(order) {
    this.turn = 0; // counts what was asked: only the last answer is shown
    $("print-form").addEventListener("input", () => this.show());
    $("print-order").onclick = () => {
      $("print").close();
      order(this.job, this.long_px);
    };
  }

  open(job) {
    this.job = job;
    $("print").showModal();
    this.show();
  }

  get long_px() {
    const [cm, dpi, bleed] = ["print-cm", "print-dpi", "print-bleed"].map((id) => Number($(id).value));
    return Math.round(((cm + bleed / 5) / CM_AN_INCH) * dpi); // the bleed, in mm, is on both sides
  }

  async show() {
    const { job, long_px } = this, turn = ++this.turn, [width, height] = job.size;
    const has = Math.max(width, height);
    const fits = $("print-form").checkValidity() && long_px > has && long_px <= LARGEST_PX;
    $("print-order").disabled = !fits;
    $("print-order").textContent = fits ? `Paint it at ${long_px} px` : "Paint it";
    if (!$("print-form").checkValidity()) return say("Give a size from 1 to 500 cm, and a bleed of at most 50 mm.");
    if (long_px <= has) return say(`The picture has ${has} px already: enough, it needs ${long_px}. Download it as it is.`);
    if (long_px > LARGEST_PX) return say(`That needs ${long_px} px; more than ${LARGEST_PX} are not painted. Take fewer dots per inch.`);
    const short_px = Math.round((long_px * Math.min(width, height)) / has);
    const size = width > height ? `${long_px} × ${short_px} px.` : `${short_px} × ${long_px} px.`;
    say(size);
    await new Promise((done) => setTimeout(done, REST_MS));
    if (turn !== this.turn) return;
    const words = await attempt(() => Promise.all([this.price(long_px), this.coarse(long_px)]));
    if (turn === this.turn && words) say([size, ...words].filter(Boolean).join(" "));
  }

  // As long as a new picture of this size, at most.
  async price(size_px) {
    const { titles, ...request } = this.job.request;
    const words = await priceOf({ ...request, kind: "paint", of: null, options: { ...request.options, size_px } });
    return words && `It takes ${words}.`;
  }

  // The painting that has the fewest pixels for this size.
  async coarse(size_px) {
    const { paintings, regions } = this.job.request;
    const names = [...paintings, ...regions.flatMap((region) => region.paintings)].map(({ path }) => path);
    const measured = await Promise.all([...new Set(names)].map((name) => api.measure(name)));
    const small = measured.map(({ title, width, height }) => ({ title, long: Math.max(width, height) })).sort((a, b) => a.long - b.long)[0];
    if (!small || small.long >= size_px) return "";
    return `${plain(small.title)} has ${small.long} px: its finest strokes are drawn from those.`;
  }
}

const say = (words) => ($("print-says").textContent = words);
