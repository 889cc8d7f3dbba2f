// The page's elements by id, small things to build others, and messages.

import { shown } from "./api.js";

export const $ = (id) => document.getElementById(id);

export function make(tag, values = {}, ...children) {
  const element = Object.assign(document.createElement(tag), values);
  for (const [name, value] of Object.entries(values)) if (name.includes("-")) element.setAttribute(name, value);
  element.append(...children);
  return element;
}

// Say something; each of `offers`, {label, action}, is a button beside it, for as long as a note is there.
export function tell(text, kind = "error", offers = [], seconds = 9) {
  for (const old of [...$("messages").children]) if (old.dataset.text === text) old.remove();
  const close = make("button", { type: "button", textContent: "Close" });
  const message = make("div", { className: `message ${kind}` }, make("span", { textContent: text }));
  message.dataset.text = text;
  for (const { label, action } of offers) {
    const button = make("button", { type: "button", textContent: label });
    button.onclick = () => (message.remove(), action());
    message.append(button);
  }
  message.append(close);
  close.onclick = () => message.remove();
  $("messages").append(message);
  while ($("messages").children.length > 3) $("messages").firstChild.remove();
  if (kind === "note") setTimeout(() => message.remove(), 1000 * seconds);
}

// Say in the place of a zone that something is being brought there, and how much of it; call the answer at the end.
export function busyWith(zone, title) {
  const drop = $(`${zone}-drop`), ask = $(`${zone}-ask`);
  const show = (share) => ask.replaceChildren(`Bringing ${title}`, make("br"), share < 1 ? `${Math.round(100 * share)} %` : "looking at it …");
  drop.classList.add("bringing");
  drop.setAttribute("aria-busy", "true");
  show(0);
  return Object.assign(() => {
    drop.classList.remove("bringing");
    drop.removeAttribute("aria-busy");
  }, { share: show });
}

// A painting in small; a style file has no picture to show, so its name stands there.
export function thumbnail({ name, title }, alt) {
  if (!isStyle(name)) return make("img", { src: shown(name, 320), alt, loading: "lazy" });
  const card = make("span", { className: "style-file", textContent: plain(title), role: "img" });
  card.setAttribute("aria-label", alt);
  return card;
}

export const isStyle = (name) => name.toLowerCase().endsWith(".style");

// A title as it is shown: without the file's ending.
export const plain = (title) => title.replace(/\.[A-Za-z0-9]{2,5}$/, "").replaceAll("_", " ");

// Show how far a slider stands; browsers tell the style sheet nothing of it.
export function showShares() {
  for (const slider of document.querySelectorAll("input[type=range]")) {
    const share = (slider.value - slider.min) / (slider.max - slider.min);
    slider.style.setProperty("--share", `${100 * share}%`);
  }
}

// Run what may fail; say so in one line if it does.
export async function attempt(work) {
  try {
    return await work();
  } catch (error) {
    tell(error.message);
    return undefined;
  }
}
