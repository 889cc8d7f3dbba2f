// What was painted before: a rail of all jobs.

import { $, make, plain } from "./elements.js";

const KINDS = { grid: "grid", final: "larger" };
let before = "";

export function showHistory(jobs, current, open) {
  const brief = jobs.map(({ id, kind, state, title, thumbnail, position, share_done }) => [
    id, kind, state, title, thumbnail, position, state === "painting" ? Math.round(100 * share_done) : 0,
  ]);
  const state = JSON.stringify([brief, current]);
  if (state === before) return;
  before = state;
  const kept = document.activeElement?.dataset?.job;
  $("history-empty").hidden = jobs.length > 0;
  $("history").replaceChildren(...jobs.map((job) => item(job, current, open)));
  if (kept) document.querySelector(`[data-job='${kept}']`)?.focus();
}

function item({ id, kind, state, title, thumbnail, position, share_done }, current, open) {
  const words = { waiting: position ? `waits, ${position}.` : "waits", painting: `${Math.round(100 * share_done)} %`, done: "" };
  const badge = [KINDS[kind], words[state] ?? state].filter(Boolean).join(", ");
  const button = make("button", { type: "button", title });
  button.setAttribute("aria-label", `${title}${badge ? `, ${badge}` : ""}`);
  button.setAttribute("aria-current", String(id === current));
  button.dataset.job = id;
  if (thumbnail) button.append(make("img", { src: thumbnail, alt: "" }));
  else button.append(make("span", { className: "blank", textContent: plain(title) }));
  if (badge) button.append(make("span", { className: "badge", textContent: badge }));
  button.onclick = () => open(id);
  return make("li", {}, button);
}
