// What was painted before: a rail of all jobs, to open, search, name, mark, and choose several from.

import { api } from "./api.js";
import { $, attempt, make, plain } from "./elements.js";

const KINDS = { grid: "grid", final: "larger", film: "film" };
const ACTIVE = ["waiting", "painting"];
const SPACE_MS = 1000;

export class Rail {
  // `open` is called with the id of a job, `compare` with two jobs, `remove` with jobs.
  constructor({ open, compare, remove }) {
    this.open = open;
    this.jobs = [];
    this.current = null;
    this.chosen = new Set();
    this.before = "";
    const again = () => this.show(this.jobs, this.current);
    $("search").oninput = again;
    for (const id of ["starred", "select"]) {
      $(id).onclick = () => {
        $(id).setAttribute("aria-pressed", String(!isPressed(id)));
        if (id === "select") this.chosen.clear();
        again();
      };
    }
    $("compare-two").onclick = () => compare(...this.chosenJobs);
    $("remove-chosen").onclick = () => remove(this.chosenJobs);
    $("job-name").onchange = () => this.label({ title: $("job-name").value.trim() || this.job.title });
    $("job-star").onclick = () => this.label({ starred: !this.job.starred });
  }

  get job() {
    return this.jobs.find(({ id }) => id === this.current);
  }

  get chosenJobs() {
    return this.jobs.filter(({ id }) => this.chosen.has(id));
  }

  // The stream of events brings what has changed.
  label({ title = null, starred = null }) {
    return attempt(() => api.label(this.current, title, starred));
  }

  show(jobs, current) {
    Object.assign(this, { jobs, current });
    for (const id of this.chosen) if (!jobs.some((job) => job.id === id)) this.chosen.delete(id);
    const shown = jobs.filter((job) => this.fits(job));
    const brief = shown.map(({ share_done, ...job }) => [job.id, job.state, job.title, job.thumbnail, job.position, job.starred, percent(share_done)]);
    const state = JSON.stringify([brief, current, [...this.chosen], isPressed("select"), jobs.length]);
    if (state === this.before) return;
    this.before = state;
    const kept = document.activeElement?.dataset?.job;
    const none = jobs.length ? "Nothing painted before fits." : "What you paint is kept here.";
    $("history-empty").textContent = shown.length ? "" : none;
    $("history").replaceChildren(...shown.map((job) => this.item(job)));
    if (kept) document.querySelector(`[data-job='${kept}']`)?.focus();
    this.showTools();
    this.showBatches();
    clearTimeout(this.asking);
    this.asking = setTimeout(() => this.showSpace(), SPACE_MS);
  }

  fits({ title, starred }) {
    const words = $("search").value.toLowerCase().split(/\s+/);
    return words.every((word) => title.toLowerCase().includes(word)) && (starred || !isPressed("starred"));
  }

  item(job) {
    const { id, kind, state, title, thumbnail, position, share_done, starred } = job;
    const words = { waiting: position ? `waits, ${position}.` : "waits", painting: `${percent(share_done)} %`, done: "" };
    const badge = [starred && "★", KINDS[kind], words[state] ?? state].filter(Boolean).join(", ");
    const button = make("button", { type: "button", title });
    button.setAttribute("aria-label", `${title}${badge ? `, ${badge}` : ""}`);
    if (isPressed("select")) button.setAttribute("aria-pressed", String(this.chosen.has(id)));
    else button.setAttribute("aria-current", String(id === this.current));
    button.dataset.job = id;
    if (thumbnail) button.append(make("img", { src: thumbnail, alt: "" }));
    else button.append(make("span", { className: "blank", textContent: plain(title) }));
    if (badge) button.append(make("span", { className: "badge", textContent: badge }));
    button.onclick = () => (isPressed("select") ? this.choose(id) : this.open(id));
    return make("li", {}, button);
  }

  choose(id) {
    if (!this.chosen.delete(id)) this.chosen.add(id);
    this.show(this.jobs, this.current);
  }

  showTools() {
    const { job } = this, chosen = this.chosenJobs, pictures = chosen.filter(({ picture }) => picture);
    $("naming").hidden = !job || isPressed("select");
    if (job && document.activeElement !== $("job-name")) $("job-name").value = job.title;
    if (job) $("job-star").setAttribute("aria-pressed", String(job.starred));
    $("chosen").hidden = !isPressed("select");
    $("compare-two").disabled = chosen.length !== 2 || pictures.length !== 2;
    $("remove-chosen").disabled = !chosen.length;
    $("zip").hidden = !pictures.length;
    $("zip").href = zipOf(pictures);
    $("chosen-says").textContent = chosen.length ? `${chosen.length} chosen` : "Choose pictures; two can be compared.";
  }

  // Photos that were ordered together, while one of them is painted, and where one of them is in view.
  showBatches() {
    const batches = Map.groupBy(
      this.jobs.filter(({ batch }) => batch),
      ({ batch }) => batch,
    );
    const seen = [...batches.values()].filter((jobs) => jobs.some(({ id, state }) => ACTIVE.includes(state) || id === this.current));
    $("batches").replaceChildren(...seen.map(batchLine));
  }

  async showSpace() {
    try {
      const { kept_bytes, free_bytes } = await api.space();
      $("space").textContent = `${bytes(kept_bytes)} kept, ${bytes(free_bytes)} free`;
    } catch {
      $("space").textContent = ""; // that the studio does not answer is said elsewhere
    }
  }
}

function batchLine(jobs) {
  const ended = jobs.filter(({ state }) => !ACTIVE.includes(state)), active = jobs.filter((job) => !ended.includes(job));
  const share = jobs.reduce((sum, job) => sum + (ended.includes(job) ? 1 : job.share_done), 0) / jobs.length;
  const line = make("div", { className: "batch" }, make("span", { textContent: `${ended.length} of ${jobs.length} photos painted` }));
  const progress = make("progress", { max: 1, value: share });
  progress.setAttribute("aria-label", "Photos painted");
  line.append(progress);
  const pictures = ended.filter(({ picture }) => picture);
  if (pictures.length) line.append(make("a", { className: "button", href: zipOf(pictures), download: "", textContent: "Download as zip" }));
  if (active.length) {
    const stop = make("button", { type: "button", textContent: "Stop the rest" });
    stop.onclick = () => {
      stop.disabled = true;
      for (const { id, state } of active) attempt(() => (state === "waiting" ? api.cancel(id) : api.stop(id)));
    };
    line.append(stop);
  }
  return line;
}

const isPressed = (id) => $(id).getAttribute("aria-pressed") === "true";
const percent = (share) => Math.round(100 * share);
const zipOf = (jobs) => `/jobs.zip?${new URLSearchParams(jobs.map(({ id }) => ["job", id]))}`;

function bytes(count) {
  const power = Math.min(3, Math.floor(Math.log10(Math.max(1, count)) / 3));
  return `${Number((count / 1000 ** power).toPrecision(3))} ${["bytes", "kB", "MB", "GB"][power]}`;
}
