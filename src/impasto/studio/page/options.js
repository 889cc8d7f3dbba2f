// What is folded away under "More": a control for every option that has none of its own, in the CLI's words.

import { $, make } from "./elements.js";

const PLAIN = ["strength", "size_px", "color_strength", "brush_scale", "keep_detail", "variation"];
const ELSEWHERE = ["starting_point", "shape_px"]; // a picture file, and a texture's: not for this page

export function buildOptions({ options, recipes, given }, changed) {
  for (const { name } of recipes) $("recipe").append(make("option", { value: name, textContent: name }));
  const says = () => ($("recipe-says").textContent = recipes.find(({ name }) => name === $("recipe").value).description);
  $("recipe").value = "painterly";
  $("recipe").addEventListener("change", says);
  says();
  let group = "";
  for (const option of options) {
    if (PLAIN.includes(option.name) || ELSEWHERE.includes(option.name)) continue;
    if (option.group !== group) $("options").append(make("h4", { textContent: (group = option.group) }));
    $("options").append(control(option, given[option.name]));
  }
  $("more").addEventListener("input", changed);
}

function control({ name, meaning, default: usual, bounds, values }, given) {
  const id = `option-${name}`, choices = /^[a-z0-9-]+(\|[a-z0-9-]+)+$/.test(values) ? values.split("|") : null;
  const hint = make("span", { id: `${id}-hint`, className: "fine" });
  hint.textContent = meaning + (bounds && !choices ? ` (${bounds})` : "");
  const label = make("label", { htmlFor: id, textContent: name.replaceAll("_", " ").replace(/ px$/, ", px") });
  let input;
  if (choices) {
    input = make("select", { id }, make("option", { value: "", textContent: `${given ?? usual} (as it is)` }));
    input.append(...choices.map((value) => make("option", { value, textContent: value })));
  } else {
    input = make("input", { id, type: "text", placeholder: String(given ?? usual), autocomplete: "off", spellcheck: false });
  }
  input.dataset.option = name;
  input.setAttribute("aria-describedby", hint.id);
  return make("div", { className: "option" }, label, input, hint);
}

const inputs = () => [...$("options").querySelectorAll("[data-option]")];

export function readOptions() {
  const filled = inputs().filter((input) => input.value.trim());
  return Object.fromEntries(filled.map((input) => [input.dataset.option, input.value.trim()]));
}

const text = (value) =>
  Array.isArray(value)
    ? value.join(",")
    : value && typeof value === "object"
      ? Object.entries(value).map((pair) => pair.join(":")).join(",") || "none"
      : String(value);

export function fillOptions(options) {
  for (const input of inputs()) {
    const value = options[input.dataset.option];
    input.value = value === undefined || value === null ? "" : text(value);
  }
  $("all").open = inputs().some((input) => input.value);
}
