// The picture in the middle: the photo, the picture while it is painted, before and after.

import { shown } from "./api.js";
import { $, make } from "./elements.js";
import { duration } from "./price.js";

const ACTIVE = ["waiting", "painting"];
const COARSE = 0.5; // of the draft's length: what is painted so far and shorter is blurrier than the draft
export const active = (job) => Boolean(job) && ACTIVE.includes(job.state);

export class Stage {
  constructor() {
    this.job = null;
    this.photo = null;
    this.shownPicture = null;
    this.draft = this.coming = null; // {picture, after, says}: the one that is drawn, and the one that will be
    this.aside = false; // whether the draft stands in place of the job's picture
    this.comparing = false;
    this.brushing = false;
    this.endCloseup = () => {};
    $("compare-on").onclick = () => this.compare(!this.comparing);
    $("compare").oninput = () => this.place();
    $("frame").addEventListener("pointerdown", (event) => this.drag(event));
  }

  setPhoto(photo) {
    this.photo = photo;
    this.show(null);
  }

  // Show a job as it stands, or, with null, the photo alone.
  show(job) {
    if (job?.id !== this.job?.id) {
      this.shownPicture = null;
      this.aside = false;
      $("after").removeAttribute("src");
    }
    this.job = job;
    this.showAll();
  }

  // With a draft in place of the job's picture everything is as if there were no job.
  showAll() {
    const job = this.seen;
    const ratio = this.ratio();
    $("frame").hidden = ratio === null;
    $("invitation").hidden = ratio !== null;
    if (ratio !== null) $("frame").style.setProperty("--ratio", ratio);
    const before = this.photo && job?.kind !== "grid" ? shown(this.photo.name, 1600) : "";
    if (before && $("before").getAttribute("src") !== before) {
      $("before").src = before;
      $("before").alt = `Photo: ${this.photo.title}`;
    }
    $("before").hidden = !before;
    this.showLayers();
    this.showPicture(job);
    this.showTools(job);
  }

  get seen() {
    return this.aside ? null : this.job;
  }

  // The picture lies over the draft, the draft over the photo; a finished one may be transparent.
  showLayers() {
    $("after").hidden = this.brushing || this.aside || !$("after").getAttribute("src");
    const over = !$("after").hidden && (this.job.picture || ["grid", "film"].includes(this.job.kind));
    this.showFilm();
    $("draft").hidden = this.brushing || !this.draft || Boolean(over);
    $("draft-tag").hidden = this.brushing || !$("draft-tag").textContent || !$("after").hidden;
  }

  // The film that is painted, in place of the frames that were seen while it was.
  showFilm() {
    const film = $("film"), address = this.brushing || this.aside || active(this.job) ? null : this.job?.film;
    film.hidden = !address;
    if (!address) film.pause();
    else if (film.getAttribute("src") !== address) film.src = address;
  }

  // Lay a draft under the job's picture, once it can be drawn; null: there is none.
  async setDraft(draft) {
    if (this.coming === draft) return;
    this.coming = draft;
    if (draft) {
      const next = new Image();
      next.src = draft.picture;
      await next.decode();
      if (this.coming !== draft) return;
      $("draft").src = draft.picture;
      $("draft").alt = `Draft after ${draft.after}`;
    } else $("draft").removeAttribute("src");
    this.draft = draft;
    this.showAll();
  }

  // Put the job's picture aside, as the form says something else; or back.
  putAside(on) {
    if (this.aside === on || (on && !this.job)) return;
    this.aside = on;
    this.showAll();
  }

  // `stale`: the draft that is seen is that of what was chosen before.
  tag(text, stale = false) {
    $("draft-tag").textContent = text;
    $("frame").classList.toggle("stale", stale);
    this.showLayers();
  }

  ratio() {
    if (this.seen?.kind === "grid" && !$("after").hidden) return $("after").naturalWidth / $("after").naturalHeight;
    if (this.seen?.size) return this.seen.size[0] / this.seen.size[1];
    return this.photo ? this.photo.width / this.photo.height : null;
  }

  // Swap the picture only once it can be drawn: nothing flickers.
  async showPicture(job) {
    const url = job ? (job.picture ?? job.preview) : null;
    $("frame").classList.toggle("waiting", active(job) && !url);
    if (!url || url === this.shownPicture) return;
    this.shownPicture = url;
    const next = new Image();
    next.src = url;
    try {
      await next.decode();
    } catch {
      if (this.shownPicture === url) this.shownPicture = null; // replaced meanwhile: the next look finds the newer one
      return;
    }
    if (this.shownPicture !== url || this.isCoarse(job, next)) return;
    $("after").src = url;
    $("after").alt = job.kind === "grid" ? `Grid: ${job.title}` : `Pastiche: ${job.title}`;
    this.showLayers();
    if (job.kind === "grid") $("frame").style.setProperty("--ratio", this.ratio());
    this.showTools(this.seen);
  }

  // Whether it is painted at a scale so small yet that the draft is the better picture.
  isCoarse({ kind }, { naturalWidth, naturalHeight }) {
    if (!this.draft || this.painted || kind === "grid") return false;
    return Math.max(naturalWidth, naturalHeight) < COARSE * Math.max($("draft").naturalWidth, $("draft").naturalHeight);
  }

  // Whether there is something of the job to be seen.
  get painted() {
    return Boolean(this.job?.picture || this.job?.film || $("after").getAttribute("src"));
  }

  showTools(job) {
    const has = Boolean(job) && !$("after").hidden, done = Boolean(job?.picture) && !active(job), film = Boolean(job?.film) && !active(job);
    $("compare-on").hidden = !has || ["grid", "film"].includes(job.kind) || !this.photo;
    $("full-on").hidden = !has || job.kind === "film";
    $("cells-open").hidden = !has || job.kind !== "grid";
    $("download").hidden = !done && !film;
    $("copy").hidden = !done;
    $("further").hidden = !job;
    $("final").hidden = $("grid-open").hidden = $("print-open").hidden = !done || job.kind === "grid";
    $("print-open").disabled = job?.kind === "final";
    $("again").hidden = $("again-all").hidden = job?.kind !== "paint";
    for (const item of document.querySelectorAll(".time-lapse")) item.hidden = !job?.time_lapse;
    $("time-lapse-file").href = job?.time_lapse ?? "";
    $("time-lapse-mp4").href = job?.time_lapse?.replace(".webp", ".mp4") ?? "";
    $("film-file").hidden = !job?.film;
    $("film-file").href = job?.film ?? "";
    $("final").disabled = job?.kind === "final";
    $("continue").hidden = !job?.can_go_on || active(job);
    if ($("compare-on").hidden) this.compare(false);
    for (const link of document.querySelectorAll("[data-format]")) {
      link.hidden = !done;
      link.href = job ? `/jobs/${job.id}/pastiche.${link.dataset.format}` : "";
    }
    $("progress").hidden = !(job && active(job));
    if (job) $("progress").value = job.share_done;
    $("telling").textContent = job ? describe(job) : (this.draft?.says ?? "");
    $("details").hidden = !job;
    if (job) $("notices").replaceChildren(...job.notices.map((text) => make("li", { textContent: text })));
  }

  drawCurve(losses) {
    drawCurve(this.job, losses);
  }

  compare(on) {
    this.comparing = on;
    $("compare-on").setAttribute("aria-pressed", String(on));
    $("handle").hidden = $("compare").hidden = !on;
    $("frame").classList.toggle("comparing", on);
    $("after").style.clipPath = "";
    if (on) this.place();
  }

  place() {
    const at = Number($("compare").value);
    $("handle").style.setProperty("--at", `${at}%`);
    $("after").style.clipPath = `inset(0 0 0 ${at}%)`;
  }

  drag(event) {
    if (!this.comparing || event.button !== 0) return;
    const box = $("frame").getBoundingClientRect();
    const move = ({ clientX }) => {
      $("compare").value = (100 * (clientX - box.left)) / box.width;
      this.place();
    };
    move(event);
    event.preventDefault();
    $("frame").setPointerCapture(event.pointerId);
    $("frame").onpointermove = move;
    $("frame").onpointerup = $("frame").onpointercancel = () => ($("frame").onpointermove = null);
  }

  brush(on) {
    this.brushing = on;
    $("brush").hidden = $("brushes").hidden = !on;
    $("tools").hidden = on;
    $("ring").hidden = true;
    if (!on) this.endCloseup();
    if (on) {
      this.compare(false);
      this.showLayers();
      $("frame").style.setProperty("--ratio", this.photo.width / this.photo.height);
      $("before").hidden = false;
    } else this.showAll();
  }
}

function describe(job) {
  const size = job.size ? `${job.size[0]} × ${job.size[1]} px` : "";
  if (job.state === "waiting") {
    return job.position > 1 ? `Waiting: ${job.position - 1} before it` : "Waiting: it is next";
  }
  if (job.ending) return "Stopping …";
  if (job.state === "painting") {
    if (!job.steps_done) return job.doing && job.doing !== "loading" ? job.doing : "Mixing the colours …";
    const left = job.seconds_left === null ? "" : `, about ${duration(job.seconds_left)} left`;
    return `Painting ${Math.round(100 * job.share_done)} %${left}`;
  }
  if (job.state === "failed") return `It could not be painted: ${job.error}`;
  if (job.state === "cancelled") return "Cancelled";
  const took = `${job.state === "stopped" ? "stopped after" : "painted in"} ${duration(job.seconds)}`;
  return [size, took].filter(Boolean).join(" · ");
}

// The total loss over the steps, on a logarithmic scale.
function drawCurve({ scale, scales, steps_done, steps }, losses) {
  const points = losses.map(([step, parts]) => [step, Math.log(Math.max(1e-12, parts.total))]);
  $("curve-says").textContent = points.length ? `Loss, scale ${scale} of ${scales}, step ${steps_done} of at most ${steps}` : "";
  $("curve").replaceChildren();
  if (points.length < 2) return;
  const values = points.map(([, value]) => value);
  const low = Math.min(...values), high = Math.max(...values), last = points.at(-1)[0];
  const at = ([step, value]) => `${((240 * step) / last).toFixed(1)},${(4 + (88 * (high - value)) / (high - low || 1)).toFixed(1)}`;
  const path = document.createElementNS("http://www.w3.org/2000/svg", "path");
  path.setAttribute("d", `M${points.map(at).join("L")}`);
  $("curve").append(path);
}
