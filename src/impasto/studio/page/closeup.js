// Looking closely while one brushes: the photo larger than its place, moved about in it.

import { $ } from "./elements.js";

const STEP = 1.25, LARGEST = 12, SHIFT = 0.1; // of the frame, for an arrow key

export class Closeup {
  constructor() {
    this.frame = $("frame");
    this.reset();
    $("brush-in").onclick = () => this.zoomBy(STEP);
    $("brush-out").onclick = () => this.zoomBy(1 / STEP);
  }

  reset() {
    this.zoom = 1;
    this.shift = [0, 0]; // of the frame's middle, in pixels of the screen
    this.place();
  }

  place() {
    const { offsetWidth, offsetHeight } = this.frame;
    const most = [offsetWidth, offsetHeight].map((side) => (side * (this.zoom - 1)) / 2);
    this.shift = this.shift.map((value, axis) => Math.min(most[axis], Math.max(-most[axis], value)));
    const close = this.zoom > 1;
    this.frame.style.transform = close ? `translate(${this.shift[0]}px, ${this.shift[1]}px) scale(${this.zoom})` : "";
    this.frame.style.setProperty("--zoom", this.zoom);
    $("wall").classList.toggle("close", close);
    $("brush-out").disabled = !close;
    $("brush-in").disabled = this.zoom >= LARGEST;
  }

  // Zoom so that a place of the screen stays where it is; without one, the middle of the frame's place.
  zoomBy(factor, at = null) {
    const before = this.zoom;
    this.zoom = Math.min(LARGEST, Math.max(1, this.zoom * factor));
    const box = $("wall").getBoundingClientRect();
    const from = at ? [at[0] - box.x - box.width / 2, at[1] - box.y - box.height / 2] : [0, 0];
    this.shift = this.shift.map((value, axis) => from[axis] - ((from[axis] - value) * this.zoom) / before);
    this.place();
  }

  move(x, y) {
    this.shift = [this.shift[0] + x, this.shift[1] + y];
    this.place();
  }

  // Follow the pointer that has gone down, until it goes up.
  drag(event, canvas) {
    let [x, y] = [event.clientX, event.clientY];
    event.preventDefault();
    canvas.setPointerCapture(event.pointerId);
    canvas.onpointermove = (move) => {
      this.move(move.clientX - x, move.clientY - y);
      [x, y] = [move.clientX, move.clientY];
    };
    canvas.onpointerup = canvas.onpointercancel = () => (canvas.onpointermove = canvas.onpointerup = canvas.onpointercancel = null);
  }

  // Two fingers: what is between them stays between them.
  pinch(first, second, canvas) {
    const fingers = new Map([first, second].map(({ pointerId, clientX, clientY }) => [pointerId, [clientX, clientY]]));
    const measure = () => {
      const [[ax, ay], [bx, by]] = [...fingers.values()];
      return { middle: [(ax + bx) / 2, (ay + by) / 2], apart: Math.max(1, Math.hypot(ax - bx, ay - by)) };
    };
    let last = measure();
    canvas.onpointermove = ({ pointerId, clientX, clientY }) => {
      if (!fingers.has(pointerId)) return;
      fingers.set(pointerId, [clientX, clientY]);
      const now = measure();
      this.move(now.middle[0] - last.middle[0], now.middle[1] - last.middle[1]);
      this.zoomBy(now.apart / last.apart, now.middle);
      last = now;
    };
    canvas.onpointerup = canvas.onpointercancel = () => (canvas.onpointermove = canvas.onpointerup = canvas.onpointercancel = null);
  }

  // Whether a key was one of these: + and - zoom, 0 shows the whole photo, arrows with Shift move.
  key({ key, shiftKey }) {
    const ways = { ArrowLeft: [1, 0], ArrowRight: [-1, 0], ArrowUp: [0, 1], ArrowDown: [0, -1] };
    if (key === "+" || key === "=") this.zoomBy(STEP);
    else if (key === "-") this.zoomBy(1 / STEP);
    else if (key === "0") this.reset();
    else if (shiftKey && key in ways) this.move(...ways[key].map((way) => way * SHIFT * this.frame.offsetWidth));
    else return false;
    return true;
  }
}
