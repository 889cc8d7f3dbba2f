// The page: puts form, stage and history together.

import { add, api, shown } from "./api.js";
import { loadImage, PHOTO } from "./brush.js";
import { Drafts } from "./draft.js";
import { $, attempt, busyWith, isStyle, make, plain, showShares, tell } from "./elements.js";
import { Form, prepare } from "./form.js";
import { Cells, Grid } from "./grid.js";
import { Rail } from "./history.js";
import { copyPicture, filesOf, isClip, MOST_PHOTOS, pasted, picturesOf } from "./incoming.js";
import { buildOptions } from "./options.js";
import { Price, priceOf } from "./price.js";
import { Print } from "./print.js";
import { Shelf } from "./shelf.js";
import { active, Stage } from "./stage.js";
import { Viewer } from "./viewer.js";
import { Wall } from "./wall.js";
import { Watch } from "./watch.js";

const STEER_MS = 250, UNDO_SECONDS = 60, OFFER_SECONDS = 300;
const MOST_VARIATIONS = 9999; // that the dice choose from
const NARROWEST = 32; // times as long as wide: a draft has 512 px by 16 at least
const MOST_MIXED = 4; // paintings brought at once that are to be mixed; more are there to choose from
const start = await api.start();
buildOptions(start, () => changed());
const stage = new Stage();
const form = new Form(start, (sliding) => changed(sliding), rename);
stage.endCloseup = () => form.brush.closeup.reset();
const shelf = new Shelf(start.shelf, form);
const drafts = new Drafts(form, drafted);
const watch = new Watch(happened, lost);
const viewer = new Viewer();
const rail = new Rail({ open, compare, remove });
const paper = new Print((job, size_px) => once(() => order("final", job.id, size_px)));
const grid = new Grid(start, (job, axes) => once(() => order("grid", job.id, axes)));
const cells = new Cells({ look: (pictures) => viewer.open(pictures), paint: (request) => once(() => paintRequest(request)), take: takeSettings });
new Wall(form, shelf, (pictures) => form.takePaintings(pictures));
const price = new Price(form, (words) => ($("price").textContent = words));
const nothing = { id: null, order: null, look: null };
let ordered = nothing; // the job in hand: what the form said when it was ordered, and what that looks like
let busy = false, filling = false;
let opening = 0; // counts what takes the place of all that is shown: only the last may

// ---- what is in view, and what the main button does

// Whether the form says something else than the job in hand: of one that is painted every setting counts, of one
// that has ended only what can be seen.
function differs() {
  if (!stage.job) return true;
  return active(stage.job) ? form.order() !== ordered.order : form.look() !== ordered.look;
}

function changed(sliding = false) {
  stage.putAside(form.ready && differs());
  draft(sliding);
  const job = stage.seen, running = active(job), button = $("paint");
  button.classList.toggle("stop", running);
  button.textContent = !running ? (form.clip ? "Paint the film" : "Paint") : job.state === "waiting" ? "Cancel" : "Stop";
  button.disabled = busy || job?.ending || !(running || form.ready);
  $("paint-hint").textContent = hint(job, running);
  const steerable = running && job.state === "painting" && job.kind === "paint";
  $("steer").classList.toggle("unseen", !steerable);
  $("steer-on").disabled = !steerable;
  if (!steerable) $("steer-on").checked = false;
  $("back").hidden = !stage.aside;
  $("two-seconds").hidden = running || !form.clip;
  $("two-seconds").disabled = busy || !form.ready;
  if (!filling) price.want(running || !form.ready || stage.brushing ? null : form.order());
  $("anew").hidden = !(form.photo || form.paintings.length || stage.job);
  $("try-open").disabled = !form.photo || stage.brushing;
  shelf.show();
}

function hint(job, running) {
  const missing = [!form.photo && "a photo", !form.paintings.length && "a painting"].filter(Boolean).join(" and ");
  if (running) return job.state === "waiting" ? "It stays as it was ordered." : "";
  if (missing) return `First ${missing}.`;
  if (job?.can_go_on && job.state !== "cancelled") return "Continue goes on with this picture; Paint begins a new one.";
  return [...watch.jobs.values()].some(active) ? "It is painted after what is in hand." : "";
}

// ---- drafts

// See to it that the picture is that of what the form says: the job's, or else a draft.
function draft(sliding) {
  if (filling || stage.brushing) return;
  if (!form.ready) return noDraft();
  if (stage.job && !stage.aside && (stage.painted || stage.job.kind !== "paint")) drafts.drop();
  else drafts.want(form.order(), sliding);
  const stale = drafts.awaited && drafts.wanted !== null;
  stage.tag(stale ? "Drafting …" : stage.draft ? `Draft · ${stage.draft.after}` : "", stale);
}

async function drafted(made, arrived) {
  if (made) await stage.setDraft({ ...made, says: ["A draft.", notShown(made.left_out)].join(" ") });
  else stage.setDraft(null);
  arrived();
  changed();
}

function notShown(parts) {
  if (!parts.length) return "Paint makes the picture.";
  const list = parts.length > 1 ? `${parts.slice(0, -1).join(", ")} and ${parts.at(-1)}` : parts[0];
  return `With Paint come: ${list}.`;
}

function noDraft() {
  drafts.drop();
  stage.setDraft(null);
  stage.tag("");
}

// ---- pictures

async function bring(file, zone) {
  const title = file.name || "picture.png";
  const done = busyWith(zone === "shelf" ? "painting" : zone, plain(title));
  try {
    return await attempt(() => add(file, title, start.limits.max_upload_bytes, done.share));
  } finally {
    done();
    form.showPhoto();
    form.showPaintings();
  }
}

async function take(files, zone) {
  if (zone === "painting" && files.length > MOST_MIXED) zone = "shelf";
  const before = form.paintings.at(-1)?.name;
  const [first] = files, turn = zone === "photo" ? ++opening : opening;
  if (zone === "photo" && files.length > 1) {
    offerAll(files.slice(0, MOST_PHOTOS));
    files = [first];
  }
  for (const file of files) {
    if (isClip(file)) {
      await takeClip(file, zone === "photo" ? turn : ++opening);
      continue;
    }
    const picture = await bring(file, zone);
    if (!picture) continue;
    if (zone !== "photo" || isStyle(picture.name)) {
      await shelf.keep(picture);
      if (zone !== "shelf") form.addPainting(picture);
      else if (form.paintings.at(-1)?.name === before) form.choosePainting(picture);
    } else if (turn !== opening) {
      return; // another photo was chosen meanwhile
    } else if (picture.pastiche) await restore(picture);
    else if (Math.max(picture.width, picture.height) > NARROWEST * Math.min(picture.width, picture.height)) {
      tell(`${picture.title} is ${picture.width} × ${picture.height} px: a photo this narrow cannot be painted. Cut a wider part out of it.`);
    } else setPhoto(picture);
  }
}

// A clip: one of its frames is the photo to draft on, and Paint makes the film.
async function takeClip(file, turn) {
  if (start.video_missing) return tell(`Clips need more than is installed here: ${start.video_missing}`);
  const done = busyWith("photo", plain(file.name));
  try {
    const clip = await attempt(() => add(file, file.name, start.limits.max_upload_bytes, done.share, "clips"));
    if (clip && turn === opening) setPhoto(clip.still, clip);
  } finally {
    done();
    form.showPhoto();
  }
}

// Several photos: the first one is shown, and all can be painted with what the form says then.
function offerAll(files, words = `${files.length} photos: ${plain(files[0].name)} is shown.`) {
  const all = () => (form.paintings.length ? once(() => paintAll(files)) : offerAll(files, "First choose a painting for them."));
  tell(words, "note", [{ label: `Paint all ${files.length}`, action: all }], OFFER_SECONDS);
}

async function paintAll(files) {
  const job = await attempt(async () => api.paint(await form.request()));
  if (!job) return;
  follow(job);
  await paintAgain(job, files.slice(1));
}

async function sample() {
  const pixels = await attempt(async () => (await fetch("/page/lighthouse.jpg")).blob());
  if (pixels) await take([new File([pixels], "lighthouse.jpg", { type: pixels.type })], "photo");
}

function setPhoto(photo, clip = null) {
  leaveJob();
  noDraft();
  form.setPhoto(photo, clip);
  stage.setPhoto(photo);
  changed();
}

async function restore(picture) {
  const turn = ++opening;
  const found = await attempt(() => api.restore(picture.name));
  if (!found || !(await fill(found.request, turn))) return;
  leaveJob();
  stage.setPhoto(form.photo);
  const missing = found.missing.length ? ` Not here, please drop in too: ${found.missing.join(", ")}.` : "";
  tell(`The settings of ${picture.title} are back.${missing}`, "note");
  changed();
}

async function rename(painting, words) {
  const named = await attempt(() => api.rename(painting.name, words));
  if (!named) return;
  painting.title = named.title;
  shelf.rename(named);
  form.showPaintings();
}

// Settings from elsewhere: nothing changes before all are there, nor if something else was opened meanwhile.
async function fill(request, turn) {
  const prepared = await attempt(() => prepare(request));
  if (!prepared || turn !== opening) return false;
  stage.brush(false);
  noDraft();
  filling = true;
  try {
    form.fill(request, prepared);
  } finally {
    filling = false;
  }
  return true;
}

function leaveJob() {
  stage.brush(false);
  ordered = nothing;
  history.replaceState(null, "", location.pathname);
  stage.show(null);
  listJobs();
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
    const zone = zoneOf(event)?.dataset.zone ?? "photo";
    const dropped = await attempt(() => filesOf(event.dataTransfer));
    if (dropped) sayOthers(dropped);
    if (dropped?.files.length) await take(dropped.files, zone);
    else if (dropped && !dropped.others) tell("This is no file: save the picture first, then drop the file here.", "note");
  });
  addEventListener("paste", (event) => {
    const files = pasted(event.clipboardData);
    if (!files.length) return;
    if (!form.photo) return void take(files, "photo");
    const as = (zone) => ({ label: `As ${zone}`, action: () => take(files, zone) });
    tell("A picture was pasted.", "note", [as("photo"), as("painting")], 60);
  });
}

function sayOthers({ others, files }) {
  if (others) tell(`${files.length} pictures are taken; ${others} other file${others > 1 ? "s are" : " is"} left out.`, "note");
}

// ---- jobs

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

// The first two seconds of the film, to see whether the whole is worth its time.
async function paintTwoSeconds() {
  stage.brush(false);
  const made = await attempt(async () => api.paint({ ...(await form.request()), seconds: 2 }));
  if (made) follow(made);
}

async function paint() {
  const job = stage.seen;
  if (active(job)) return void (await attempt(() => (job.state === "waiting" ? api.cancel(job.id) : api.stop(job.id))));
  stage.brush(false);
  const order = form.order(), look = form.look();
  const made = await attempt(async () => api.paint(await form.request()));
  if (made) follow(made, order, look);
}

// Show a job, and let the address name it, so that a reload finds it.
function follow(job, order = form.order(), look = form.look()) {
  ordered = { id: job.id, order, look };
  history.replaceState(null, "", `#${job.id}`);
  watch.put(job);
  $("stage").scrollIntoView({ block: "nearest", behavior: "smooth" });
}

// The job that the address names; it may name a part of the page too.
function namedJob() {
  return /^#(\d{8}-\d{6}-\w+)$/.exec(location.hash)?.[1];
}

// Open a job of the history: its picture and its settings.
async function open(id) {
  const turn = ++opening;
  const job = await attempt(() => api.view(id));
  if (turn !== opening) return;
  if (!job) return leaveJob();
  if (!(await fill(job.request, turn))) return;
  stage.setPhoto(form.photo);
  follow(job);
}

// A job has changed, or several, or the list.
function happened(job) {
  if (job && job.id === ordered.id) {
    const before = stage.job;
    if (job.error && before?.id === job.id && active(before)) tell(job.error);
    tellNotices(job, before?.id === job.id ? before.notices : []);
    if (stage.brushing) stage.job = job;
    else stage.show(job);
    document.title = active(job) ? `${Math.round(100 * job.share_done)} % impasto studio` : "impasto studio";
    showLosses();
  } else if (!job && ordered.id && !watch.jobs.has(ordered.id)) leaveJob();
  else if (!job && ordered.id && watch.jobs.get(ordered.id).state !== stage.job?.state) refresh(ordered.id);
  listJobs();
  changed();
}

// What was done otherwise than asked is said at once, not only under "How it is going".
function tellNotices(job, before) {
  const news = job.notices.filter((notice) => !before.includes(notice));
  if (news.length && active(job)) tell(`${plain(job.title)}: ${news.join("; ")}`, "note");
}

// The list says that the job in hand has changed while nobody listened.
async function refresh(id) {
  const job = await attempt(() => api.view(id));
  if (job && ordered.id === id) watch.put(job);
}

let losing = false;
async function showLosses() {
  const { job } = stage;
  if (!job || !$("details").open || losing) return;
  losing = true;
  const losses = await attempt(() => api.losses(job.id));
  losing = false;
  if (losses && stage.job?.id === job.id) stage.drawCurve(losses);
}

function lost(gone) {
  document.body.classList.toggle("lost", gone);
  $("lost").hidden = !gone;
  if (gone) document.title = "impasto studio (does not answer)";
  else {
    document.title = "impasto studio";
    if (ordered.id) refresh(ordered.id);
    drafts.drop();
    changed();
  }
}

// Sliders steer the picture that is being painted only where that is switched on; else they prepare the next one.
let steering = null;
function slide() {
  form.showValues();
  if ($("steer-on").checked && !stage.aside && active(stage.job)) {
    const { id } = stage.job, { strength, color_strength } = form.settings().options;
    ordered = { id, order: form.order(), look: form.look() };
    clearTimeout(steering);
    steering = setTimeout(() => attempt(() => api.steer(id, strength, color_strength)), STEER_MS);
  }
  changed(true);
}

// What is in the menu costs time: say how much, once it is opened.
async function priceMenu() {
  const { job } = stage;
  if (!$("further").open || !job || active(job) || job.kind !== "paint") return;
  const { titles, ...request } = job.request;
  const asked = [
    ["again", request],
    ["final", { ...request, kind: "paint", options: { ...request.options, size_px: start.final_size_px } }],
  ];
  for (const [name, changed] of asked) $(`${name}-price`).textContent = "…";
  for (const [name, changed] of asked) {
    const words = await priceOf(changed);
    if (stage.job?.id === job.id) $(`${name}-price`).textContent = words && name === "again" ? `${words}, each` : words;
  }
}

async function order(name, id, ...values) {
  $("further").open = false;
  const job = await attempt(() => api[name](id, ...values));
  if (job) follow(job);
}

// The photos that were chosen in the menu, one by one or as a folder.
async function chooseAgain(input) {
  const found = [...input.files], { files, others } = input.webkitdirectory ? picturesOf(found) : { files: found, others: 0 };
  input.value = "";
  $("further").open = false;
  sayOthers({ files, others });
  await paintAgain(stage.job, files);
}

// The settings of a job, on other photos.
async function paintAgain({ id, title }, files) {
  const names = [];
  for (const file of files) {
    const picture = await bring(file, "photo");
    if (picture) names.push(picture.name);
  }
  const jobs = names.length && (await attempt(() => api.again(id, names)));
  if (!jobs) return;
  for (const job of jobs) watch.put(job);
  const left = jobs[0].notices.join("; ");
  tell(`${jobs.length} photo${jobs.length > 1 ? "s are" : " is"} painted as ${plain(title)} was.${left ? ` ${left}.` : ""}`, "note");
  $("history-part").scrollIntoView({ block: "nearest", behavior: "smooth" });
}

// A picture of a grid as a job of its own, as large as what the grid was ordered from.
async function paintRequest({ titles, ...request }) {
  const job = await attempt(() => api.paint(request));
  if (job) await open(job.id);
}

// The settings of a picture of a grid: the next picture's.
async function takeSettings(request) {
  const turn = ++opening;
  if (!(await fill(request, turn))) return;
  leaveJob();
  stage.setPhoto(form.photo);
  changed();
}

async function compare(...jobs) {
  const views = await attempt(() => Promise.all(jobs.map(({ id }) => api.view(id))));
  if (!views) return;
  const colours = ({ color, color_strength }) => (color && color !== "painting" ? (color_strength ?? 100) : 0);
  const caption = ({ title, size, request: { options } }) =>
    [plain(title), size?.join(" × "), `strength ${options.strength ?? 50}`, `colours ${colours(options)}`].join(" · ");
  viewer.open(views.map((job) => ({ src: job.picture, alt: `Pastiche: ${job.title}`, title: caption(job) })));
}

async function remove(jobs) {
  $("further").open = false;
  const removed = [];
  for (const { id } of jobs) if (await attempt(async () => (await api.remove(id), true))) removed.push(id);
  if (!removed.length) return;
  if (removed.includes(ordered.id)) leaveJob();
  const bringBack = async () => {
    for (const id of removed) await attempt(async () => watch.put(await api.bringBack(id)));
    if (removed.length === 1) open(removed[0]);
  };
  const words = removed.length > 1 ? `${removed.length} pictures are removed.` : `${jobs[0].title} is removed.`;
  tell(words, "note", [{ label: "Undo", action: bringBack }], UNDO_SECONDS);
}

function listJobs() {
  rail.show(watch.newestFirst, ordered.id);
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

function closeBrush() {
  stage.brush(false);
  changed();
}

// Whether what the brush paints has a layer: the first painting is what is left everywhere else.
function hasLayer() {
  const has = form.brush.label !== form.brush.base;
  if (!has) tell("Choose first what this is for: the first painting is what is left everywhere else.", "note");
  return has;
}

async function takeMask() {
  const [file] = $("mask-file").files;
  $("mask-file").value = "";
  if (!file) return;
  if (!hasLayer()) return;
  await attempt(async () => {
    const { name } = await add(file, file.name, start.limits.max_upload_bytes);
    form.brush.setMask(form.brush.label, await loadImage(shown(name, 1600)));
  });
}

// ---- all together

function wireKeys() {
  addEventListener("keydown", (event) => {
    const step = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
    const taken = event.defaultPrevented || event.altKey || event.ctrlKey || event.metaKey || event.shiftKey;
    if (step && !taken && !event.target.closest("input, select, canvas, dialog, [contenteditable]") && !stage.brushing) shelf.page(step);
    if (stage.brushing && (event.ctrlKey || event.metaKey) && "zy".includes(event.key.toLowerCase())) {
      event.preventDefault();
      if (event.shiftKey || event.key.toLowerCase() === "y") form.brush.redo();
      else form.brush.undo();
    }
    if (event.key !== "Escape" || document.querySelector("dialog[open]")) return;
    const menus = document.querySelectorAll(".menu[open]");
    for (const menu of menus) menu.open = false;
    if (!menus.length && stage.brushing) closeBrush();
  });
}

function wire() {
  wireDrops();
  wireKeys();
  $("paint").onclick = () => once(paint);
  $("continue").onclick = () => once(() => attempt(async () => follow(await api.goOn(stage.job.id))));
  $("back").onclick = () => open(stage.job.id);
  $("final").onclick = () => once(() => order("final", stage.job.id, start.final_size_px));
  $("grid-open").onclick = () => {
    $("further").open = false;
    grid.open(stage.job);
  };
  $("cells-open").onclick = () => cells.open(stage.job);
  $("remove").onclick = () => once(() => remove([stage.job]));
  for (const name of ["again-file", "again-folder"]) $(name).onchange = () => once(() => chooseAgain($(name)));
  $("two-seconds").onclick = () => once(paintTwoSeconds);
  $("sample").onclick = $("sample-too").onclick = sample;
  $("copy").onclick = async () => {
    const done = await attempt(async () => (await copyPicture(stage.job.picture), true));
    $("download").open = false;
    if (done) tell("The picture is in the clipboard.", "note");
  };
  $("print-open").onclick = () => {
    $("further").open = false;
    paper.open(stage.job);
  };
  $("further").addEventListener("toggle", priceMenu);
  $("anew").onclick = $("home").onclick = (event) => {
    event.preventDefault();
    opening++;
    leaveJob();
    form.clear();
    stage.setPhoto(null);
    changed();
  };
  for (const id of ["strength", "colors"]) $(id).addEventListener("input", slide);
  $("full-on").onclick = () => viewer.open([{ src: $("after").src, alt: $("after").alt, title: stage.job.title }]);
  $("dice").onclick = () => {
    $("variation").value = 1 + Math.floor(Math.random() * MOST_VARIATIONS);
    changed();
  };
  for (const id of ["brush_scale", "keep_detail", "exact"]) {
    $(id).addEventListener("input", () => (form.showValues(), changed(true)));
  }
  $("previous").onclick = () => shelf.page(-1);
  $("next").onclick = () => shelf.page(1);
  $("sizes").addEventListener("change", () => (form.chooseSize(false), changed()));
  $("exact").addEventListener("input", () => form.chooseSize(true));
  $("brush-open").onclick = openBrush;
  $("brush-done").onclick = closeBrush;
  $("brush-undo").onclick = () => form.brush.undo();
  $("brush-redo").onclick = () => form.brush.redo();
  $("brush-invert").onclick = () => hasLayer() && form.brush.invert();
  $("brush-clear").onclick = () => form.brush.clear();
  $("mask-file").onchange = takeMask;
  $("details").addEventListener("toggle", showLosses);
  addEventListener("click", (event) => {
    for (const menu of document.querySelectorAll(".menu[open]")) if (!menu.contains(event.target)) menu.open = false;
  });
  addEventListener("input", showShares);
  addEventListener("hashchange", () => namedJob() && open(namedJob()));
}

wire();
form.clear();
await watch.first;
if (namedJob()) await open(namedJob());
changed();
document.body.dataset.ready = "true";
