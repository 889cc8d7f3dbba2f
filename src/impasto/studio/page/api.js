// The studio's API: one function for each address, faults as one line. A test compares this file with the server.

async function ask(method, path, body) {
  const headers = body === undefined ? {} : { "Content-Type": "application/json" };
  let response;
  try {
    response = await fetch(path, { method, headers, body: JSON.stringify(body) });
  } catch {
    throw new Error("the studio does not answer; is it still running?");
  }
  return answer(response.status, await response.text());
}

function answer(status, text) {
  let values = null;
  try {
    values = text ? JSON.parse(text) : null;
  } catch {
    // no JSON: something else answers at this address
  }
  if (status >= 200 && status < 300) return values;
  throw new Error(values?.error || "the studio failed; its window says why");
}

const get = (path) => ask("GET", path);
const post = (path, body) => ask("POST", path, body);
const put = (path, body) => ask("PUT", path, body);
const remove = (path) => ask("DELETE", path);
const part = encodeURIComponent;

export const api = {
  start: () => get("/api/start"),
  measure: (name) => get(`/api/pictures/${part(name)}`),
  rename: (name, title) => put(`/api/pictures/${part(name)}/title`, { title }),
  restore: (name) => get(`/api/pictures/${part(name)}/settings`),
  shelve: (name) => put(`/api/shelf/${part(name)}`),
  unshelve: (name) => remove(`/api/shelf/${part(name)}`),
  draft: (request, client_id, sequence) => post("/api/drafts", { request, client_id, sequence }),
  price: (request, client_id, sequence) => post("/api/prices", { request, client_id, sequence }),
  paint: (request) => post("/api/jobs", request),
  history: () => get("/api/jobs"),
  view: (id) => get(`/api/jobs/${part(id)}`),
  losses: (id) => get(`/api/jobs/${part(id)}/losses`),
  stop: (id) => post(`/api/jobs/${part(id)}/stop`),
  cancel: (id) => post(`/api/jobs/${part(id)}/cancel`),
  goOn: (id) => post(`/api/jobs/${part(id)}/continue`),
  steer: (id, strength, color_strength) => post(`/api/jobs/${part(id)}/steer`, { strength, color_strength }),
  grid: (id, axes) => post(`/api/jobs/${part(id)}/grid`, { axes }),
  cells: (id) => get(`/api/jobs/${part(id)}/cells`),
  final: (id, size_px) => post(`/api/jobs/${part(id)}/final`, { size_px }),
  label: (id, title, starred) => put(`/api/jobs/${part(id)}/label`, { title, starred }),
  again: (id, photos) => post(`/api/jobs/${part(id)}/again`, { photos }),
  space: () => get("/api/space"),
  remove: (id) => remove(`/api/jobs/${part(id)}`),
  bringBack: (id) => post(`/api/jobs/${part(id)}/undo`),
};

export const events = () => new EventSource("/api/events");

// Upload a File or Blob, and keep it in the studio under its name there; `progress` is told the share that is sent.
export function add(file, title, maxBytes, progress = () => {}, to = "pictures") {
  if (file.size > maxBytes) {
    return Promise.reject(new Error(`'${title}' has more bytes than the ${maxBytes} that may be uploaded; make it smaller`));
  }
  return new Promise((done, fail) => {
    const sending = new XMLHttpRequest();
    sending.open("POST", `/api/${to}?title=${part(title)}`);
    sending.upload.onprogress = ({ loaded, total }) => progress(total ? loaded / total : 0);
    sending.onerror = () => fail(new Error("the studio does not answer; is it still running?"));
    sending.onload = () => {
      try {
        done(answer(sending.status, sending.responseText));
      } catch (error) {
        fail(error);
      }
    };
    sending.send(file);
  });
}

export const shown = (name, edge) => `/pictures/${part(name)}?edge=${edge}`;
