// Looking closely: one picture, or two at the same zoom and place, side by side or under a slider.

import { $ } from "./elements.js";

const LARGEST = 16; // screen pixels for each of a picture
const STEP = 1.25, SHIFT_PX = 60;

export class Viewer {
  constructor() {
    this.view = $("full-view");
    this.panes = [...this.view.querySelectorAll("figure")];
    this.centre = [0.5, 0.5]; // the place of the pictures in the middle of the window, as shares of their sides
    this.zoom = 1; // 1: they fit the window
    this.curtain = false; // two under a slider
    $("full-close").onclick = () => $("full").close();
    $("full-fit").onclick = () => this.zoomTo(this.zoom === 1 ? this.pixelZoom : 1);
    $("full-way").onclick = () => this.setCurtain(!this.curtain);
    $("full-at").oninput = () => this.place();
    this.view.onpointerdown = (event) => this.pan(event);
    this.view.onkeydown = (event) => this.key(event);
    this.view.addEventListener("wheel", (event) => this.wheel(event), { passive: false });
    for (const pane of this.panes) pane.querySelector("img").onload = () => this.place();
    new ResizeObserver(() => this.place()).observe(this.view);
  }

  // Show one picture or two: {src, alt, title}.
  open(pictures) {
    this.panes.forEach((pane, place) => {
      const picture = pictures[place];
      pane.hidden = !picture;
      if (!picture) return;
      const [image, caption] = pane.children;
      Object.assign(image, { src: picture.src, alt: picture.alt });
      caption.textContent = pictures.length > 1 ? picture.title : "";
    });
    $("full-way").hidden = pictures.length < 2;
    this.centre = [0.5, 0.5];
    this.zoom = 1;
    $("full").showModal();
    this.setCurtain(false);
  }

  setCurtain(on) {
    this.curtain = on && !this.panes[1].hidden;
    this.view.classList.toggle("curtain", this.curtain);
    $("full-at").hidden = !this.curtain;
    $("full-way").textContent = this.curtain ? "Side by side" : "Under a slider";
    this.place();
  }

  get images() {
    return this.panes.filter((pane) => !pane.hidden).map((pane) => pane.querySelector("img"));
  }

  // Width and height of a pane, and of the pictures where they fit it; the first picture tells.
  get sizes() {
    const { clientWidth: width, clientHeight: height } = this.panes[0], { naturalWidth, naturalHeight } = this.images[0];
    const share = Math.min(width / naturalWidth, height / naturalHeight);
    return { width, height, fitWidth: share * naturalWidth, fitHeight: share * naturalHeight };
  }

  // The zoom at which a pixel of the picture is one of the screen.
  get pixelZoom() {
    return this.images[0].naturalWidth / devicePixelRatio / this.sizes.fitWidth;
  }

  place() {
    if (!$("full").open || !this.images[0].naturalWidth) return;
    const { width, height, fitWidth, fitHeight } = this.sizes, at = Number($("full-at").value);
    const [wide, high] = [fitWidth * this.zoom, fitHeight * this.zoom];
    this.centre = this.centre.map((value, axis) => ([wide <= width, high <= height][axis] ? 0.5 : Math.min(1, Math.max(0, value))));
    for (const image of this.images) {
      image.style.width = `${wide}px`;
      image.style.translate = `${width / 2 - this.centre[0] * wide}px ${height / 2 - this.centre[1] * high}px`;
    }
    this.panes[1].style.clipPath = this.curtain ? `inset(0 0 0 ${at}%)` : "";
    this.view.style.setProperty("--at", `${at}%`);
    $("full-fit").textContent = this.zoom === 1 ? "Pixel by pixel" : "Fit the window";
  }

  // Zoom, with a place of the window, in pixels from its pane's middle, staying where it is.
  zoomTo(zoom, [x, y] = [0, 0]) {
    const { fitWidth, fitHeight } = this.sizes, before = this.zoom;
    this.zoom = Math.min(LARGEST * Math.max(1, this.pixelZoom), Math.max(Math.min(1, this.pixelZoom), zoom));
    this.centre = this.centre.map((value, axis) => {
      const side = [fitWidth, fitHeight][axis], from = [x, y][axis];
      return value + from / (side * before) - from / (side * this.zoom);
    });
    this.place();
  }

  move(x, y) {
    const { fitWidth, fitHeight } = this.sizes;
    this.centre = [this.centre[0] + x / (fitWidth * this.zoom), this.centre[1] + y / (fitHeight * this.zoom)];
    this.place();
  }

  wheel(event) {
    event.preventDefault();
    const pane = event.target.closest("figure") ?? this.panes[0], box = pane.getBoundingClientRect();
    const from = [event.clientX - box.left - box.width / 2, event.clientY - box.top - box.height / 2];
    this.zoomTo(this.zoom * STEP ** -Math.sign(event.deltaY), from);
  }

  pan(event) {
    if (event.button !== 0) return;
    let [x, y] = [event.clientX, event.clientY];
    event.preventDefault();
    this.view.focus();
    this.view.setPointerCapture(event.pointerId);
    this.view.onpointermove = (move) => {
      this.move(x - move.clientX, y - move.clientY);
      [x, y] = [move.clientX, move.clientY];
    };
    this.view.onpointerup = this.view.onpointercancel = () => (this.view.onpointermove = null);
  }

  key(event) {
    const shifts = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };
    const zooms = { "+": STEP, "=": STEP, "-": 1 / STEP };
    if (event.key in shifts) this.move(...shifts[event.key].map((way) => way * SHIFT_PX));
    else if (event.key in zooms) this.zoomTo(this.zoom * zooms[event.key]);
    else if (event.key === "0") this.zoomTo(1);
    else return;
    event.preventDefault();
  }
}
