// The page: puts form, stage and history together, and watches the job in hand.

import { add, call, shown } from "./api.js";
import { loadImage, PHOTO } from "./brush.js";
import { Drafts } from "./draft.js";
import { $, attempt, isStyle, make, plain, showShares, tell, thumbnail } from "./elements.js";
import { Form } from "./form.js";
import { buildOptions } from "./options.js";
import { Shelf } from "./shelf.js";
import { active, look, Stage } from "./stage.js";

const LOOK_MS = 350, HISTORY_MS = 4000, STEER_MS = 250;
const MOST_MIXED = 4; // paintings brought at once that are to be mixed; more are there to choose from
const start = await call("start");
buildOptions(start, () => changed());
const stage = new Stage();
const form = new Form(start, (sliding) => changed(sliding));
const shelf = new Shelf(start.shelf, form);
const drafts = new Drafts(form, drafted);
let submitted = { id: null, key: null, look: null }; // what the job in hand was asked with, and what it looks like
let busy = false, filling = false;

function changed(sliding = false) {
  const job = stage.job, running = active(job) && job.id === submitted.id && submitted.key === form.key();
  const button = $("paint");
  button.classList.toggle("stop", running);
  button.textContent = !running ? "Paint" : job.state === "waiting" ? "Cancel" : "Stop";
  button.disabled = busy || !(running || form.ready);
  const missing = [!form.photo && "a photo", !form.paintings.length && "a painting"].filter(Boolean).join(" and ");
  $("paint-hint").textContent = missing
    ? `First ${missing}.`
    : running
      ? job.state === "waiting" ? "" : "Strength and colours can be changed while it paints."
      : active(job) ? "It is painted after what is in hand." : "";
  $("anew").hidden = !(form.photo || form.paintings.length || job);
  shelf.show();
  draft(sliding);
}

// ---- drafts

// See to it that the picture is that of what the form says: the job's, or else a draft.
function draft(sliding) {
  if (filling || stage.brushing) return;
  if (!form.ready) return noDraft();
  const wanted = form.look(), same = stage.job && wanted === submitted.look;
  if (same) stage.putAside(false);
  if (same && stage.painted) drafts.drop();
  else drafts.want(wanted, sliding);
  stage.tag(stage.draft ? `Draft · ${stage.draft.after}` : drafts.awaited ? "Drafting …" : "");
}

async function drafted(made) {
  if (made) {
    const left = made.left_out.join(" and the ");
    await stage.setDraft({ ...made, says: left ? `A draft. The ${left} come with Paint.` : "A draft. Paint makes the picture." });
    stage.putAside(form.look() !== submitted.look);
  }
  changed();
}

function noDraft() {
  drafts.drop();
  stage.setDraft(null);
  stage.tag("");
}

// ---- pictures

async function take(files, zone) {
  if (zone === "painting" && files.length > MOST_MIXED) zone = "shelf";
  const before = form.paintings.at(-1)?.name;
  for (const file of files) {
    const picture = await attempt(() => add(file, file.name || "picture.png", start.limits.max_upload_bytes));
    if (!picture) continue;
    if (zone !== "photo" || isStyle(picture.name)) {
      await shelf.keep(picture);
      if (zone !== "shelf") form.addPainting(picture);
      else if (form.paintings.at(-1)?.name === before) form.choosePainting(picture);
    } else {
      if (picture.pastiche) await restore(picture);
      else setPhoto(picture);
      return;
    }
  }
}

function setPhoto(photo) {
  leaveJob();
  noDraft();
  form.setPhoto(photo);
  stage.setPhoto(photo);
  changed();
}

async function restore(picture) {
  const found = await attempt(() => call("restore", picture.name));
  if (!found) return;
  leaveJob();
  await fill(found.request);
  stage.setPhoto(form.photo);
  const missing = found.missing.length ? ` Not here, please drop in too: ${found.missing.join(", ")}.` : "";
  tell(`The settings of ${picture.title} are back.${missing}`, "note");
  changed();
}

// Settings from elsewhere: nothing is drafted before all are there.
async function fill(request) {
  noDraft();
  filling = true;
  try {
    await form.fill(request);
  } finally {
    filling = false;
  }
}

function leaveJob() {
  stage.brush(false);
  submitted = { id: null, key: null, look: null };
  history.replaceState(null, "", location.pathname);
  stage.show(null);
}

function wireDrops() {
  for (const [id, zone] of [["photo-file", "photo"], ["painting-file", "painting"], ["shelf-file", "shelf"]]) {
    $(id).onchange = async () => {
      const files = [...$(id).files];
      $(id).value = "";
      await take(files, zone);
    };
  }
  $("invite").onclick = () => $("photo-file").click();
  const zoneOf = (event) => event.target.closest?.("[data-zone]");
  const mark = (zone) => {
    for (const other of document.querySelectorAll("[data-zone]")) other.classList.toggle("over", other === zone);
  };
  addEventListener("dragover", (event) => {
    event.preventDefault();
    mark(zoneOf(event));
  });
  addEventListener("dragleave", (event) => event.relatedTarget || mark(null));
  addEventListener("drop", async (event) => {
    event.preventDefault();
    mark(null);
    await take([...event.dataTransfer.files], zoneOf(event)?.dataset.zone ?? "photo");
  });
  addEventListener("paste", (event) => take([...event.clipboardData.files], "photo"));
}

// ---- painting

// One order at a time: quick clicks are one click.
async function once(work) {
  if (busy) return;
  busy = true;
  changed();
  try {
    await work();
  } finally {
    busy = false;
    changed();
  }
}

async function paint() {
  const job = stage.job;
  if (active(job) && job.id === submitted.id && submitted.key === form.key()) {
    await attempt(() => call(job.state === "waiting" ? "cancel" : "stop", job.id));
    return watch(job.id);
  }
  stage.brush(false);
  const id = await attempt(async () => call("paint", await form.request()));
  if (id) await follow(id, form.key());
}

// Watch a job, and let the address name it, so that a reload finds it.
async function follow(id, key) {
  submitted = { id, key, look: form.look() };
  history.replaceState(null, "", `#${id}`);
  await watch(id);
  $("stage").scrollIntoView({ block: "nearest", behavior: "smooth" });
  await showHistory();
}

// Open a job of the history: its picture and its settings.
async function open(id) {
  const job = await attempt(() => look(id));
  if (!job) return leaveJob();
  stage.brush(false);
  await fill(job.request);
  stage.setPhoto(form.photo);
  await follow(id, form.key());
}

let watched = null;
async function watch(id) {
  watched = id;
  const job = await attempt(() => look(id));
  if (!job || watched !== id || submitted.id !== id) return;
  if (job.error && stage.job?.id === id && active(stage.job)) tell(job.error);
  if (!stage.brushing) stage.show(job);
  else stage.job = job;
  changed();
  document.title = active(job) ? `${Math.round(100 * job.share_done)} % impasto studio` : "impasto studio";
}

async function keepWatching() {
  for (;;) {
    await new Promise((done) => setTimeout(done, LOOK_MS));
    if (submitted.id && active(stage.job)) {
      await watch(submitted.id);
      if (!active(stage.job)) await showHistory();
    }
  }
}

let steering = null;
function steer() {
  form.showValues();
  clearTimeout(steering);
  const job = stage.job, steered = job?.kind === "paint" && submitted.id === job.id && submitted.key === form.key();
  if (steered && (active(job) || job.can_go_on)) submitted.look = form.look();
  changed(true);
  if (!steered || !active(job)) return;
  const { strength, color_strength } = form.settings().options;
  steering = setTimeout(() => attempt(() => call("steer", job.id, strength, color_strength)), STEER_MS);
}

async function goOn() {
  const id = stage.job.id;
  const { strength, color_strength } = form.settings().options;
  await attempt(async () => {
    await call("go_on", id);
    if (stage.job.kind === "paint") await call("steer", id, strength, color_strength);
  });
  await follow(id, form.key());
}

async function further(name) {
  $("further").open = false;
  const id = await attempt(() => call(name, stage.job.id));
  if (id) await follow(id, null);
}

async function remove() {
  $("further").open = false;
  const id = stage.job.id;
  leaveJob();
  await attempt(() => call("delete", id));
  await showHistory();
}

// ---- history

let historyShown = "";
async function showHistory() {
  let jobs;
  try {
    jobs = await call("history");
  } catch {
    return; // it is looked at again soon
  }
  const state = JSON.stringify([jobs, submitted.id]);
  if (state === historyShown) return;
  historyShown = state;
  $("history-part").hidden = !jobs.length;
  const kept = document.activeElement?.dataset?.job;
  $("history").replaceChildren(...jobs.map(historyItem));
  if (kept) document.querySelector(`[data-job='${kept}']`)?.focus();
}

const KINDS = { grid: "grid", final: "final" };
function historyItem({ id, kind, state, title, thumbnail, position, share_done }) {
  const words = { waiting: position ? `waits, ${position}.` : "waits", painting: `${Math.round(100 * share_done)} %`, done: "" };
  const badge = [KINDS[kind], words[state] ?? state].filter(Boolean).join(", ");
  const button = make("button", { type: "button", title });
  button.setAttribute("aria-label", `${title}${badge ? `, ${badge}` : ""}`);
  button.setAttribute("aria-current", String(id === submitted.id));
  button.dataset.job = id;
  if (thumbnail) button.append(make("img", { src: thumbnail, alt: "" }));
  else button.append(make("span", { className: "blank", textContent: title }));
  if (badge) button.append(make("span", { className: "badge", textContent: badge }));
  button.onclick = () => open(id);
  return make("li", {}, button);
}

// ---- brush

function showChips() {
  const labels = [...form.paintings.map(({ label, title }) => [label, title]), [PHOTO, "Stays the photo"]];
  $("chips").replaceChildren(
    ...labels.map(([label, title], place) => {
      const dot = make("span", { className: "dot" });
      dot.style.setProperty("--dot", form.brush.colours.get(label));
      const radio = make("input", { type: "radio", name: "brush-label", checked: label === form.brush.label });
      radio.onchange = () => (form.brush.label = label);
      return make("label", { className: "chip" }, radio, dot, make("span", { textContent: place ? plain(title) : `${plain(title)}: the rest` }));
    }),
  );
}

function openBrush() {
  form.brush.label = form.paintings.length > 1 ? form.paintings.at(-1).label : PHOTO;
  showChips();
  stage.brush(true);
  $("stage").scrollIntoView({ block: "nearest" });
  $("brush").focus({ preventScroll: true });
}

async function takeMask() {
  const [file] = $("mask-file").files;
  $("mask-file").value = "";
  if (!file) return;
  if (form.brush.label === form.brush.base) return tell("choose first what the mask is for: not the rest");
  await attempt(async () => {
    const { name } = await add(file, file.name, start.limits.max_upload_bytes);
    form.brush.setMask(form.brush.label, await loadImage(shown(name, 1600)));
  });
}

// ---- all together

function wire() {
  wireDrops();
  $("paint").onclick = () => once(paint);
  $("continue").onclick = () => once(goOn);
  $("final").onclick = () => once(() => further("final"));
  $("grid").onclick = () => once(() => further("grid"));
  $("remove").onclick = () => once(remove);
  $("anew").onclick = $("home").onclick = (event) => {
    event.preventDefault();
    leaveJob();
    form.clear();
    stage.setPhoto(null);
    changed();
  };
  for (const id of ["strength", "colors"]) $(id).addEventListener("input", steer);
  for (const id of ["brush_scale", "keep_detail", "exact"]) {
    $(id).addEventListener("input", () => (form.showValues(), changed(true)));
  }
  $("previous").onclick = () => shelf.page(-1);
  $("next").onclick = () => shelf.page(1);
  $("sizes").addEventListener("change", () => (form.chooseSize(false), changed()));
  $("exact").addEventListener("input", () => form.chooseSize(true));
  $("brush-open").onclick = openBrush;
  $("brush-done").onclick = () => (stage.brush(false), changed());
  $("brush-undo").onclick = () => form.brush.undo();
  $("brush-clear").onclick = () => form.brush.clear();
  $("mask-file").onchange = takeMask;
  $("details").addEventListener("toggle", () => submitted.id && watch(submitted.id));
  addEventListener("click", (event) => {
    for (const menu of document.querySelectorAll(".menu[open]")) if (!menu.contains(event.target)) menu.open = false;
  });
  addEventListener("keydown", (event) => {
    const step = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
    const taken = event.defaultPrevented || event.altKey || event.ctrlKey || event.metaKey || event.shiftKey;
    if (step && !taken && !event.target.closest("input, select, canvas, dialog") && !stage.brushing) shelf.page(step);
    if (event.key === "Escape") for (const menu of document.querySelectorAll(".menu[open]")) menu.open = false;
  });
  addEventListener("input", showShares);
  addEventListener("hashchange", () => location.hash && open(location.hash.slice(1)));
}

wire();
form.clear();
await showHistory();
setInterval(() => document.hidden || showHistory(), HISTORY_MS);
if (location.hash) await open(location.hash.slice(1));
changed();
document.body.dataset.ready = "true";
keepWatching();
