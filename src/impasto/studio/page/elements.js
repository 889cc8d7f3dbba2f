// The page's elements by id, small things to build others, and messages.

import { shown } from "./api.js";

export const $ = (id) => document.getElementById(id);

export function make(tag, values = {}, ...children) {
  const element = Object.assign(document.createElement(tag), values);
  for (const [name, value] of Object.entries(values)) if (name.includes("-")) element.setAttribute(name, value);
  element.append(...children);
  return element;
}

export function tell(text, kind = "error") {
  for (const old of $("messages").children) if (old.dataset.text === text) old.remove();
  const close = make("button", { type: "button", textContent: "Close" });
  const message = make("div", { className: `message ${kind}` }, make("span", { textContent: text }), close);
  message.dataset.text = text;
  close.onclick = () => message.remove();
  $("messages").append(message);
  while ($("messages").children.length > 3) $("messages").firstChild.remove();
  if (kind === "note") setTimeout(() => message.remove(), 9000);
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
