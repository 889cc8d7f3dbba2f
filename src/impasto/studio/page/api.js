// The studio's API, as any client may use it: one function a name, errors as one line.

async function answer(promise) {
  let response;
  try {
    response = await promise;
  } catch {
    throw new Error("the studio does not answer; is it still running?");
  }
  const text = await response.text();
  let values = null;
  try {
    values = JSON.parse(text);
  } catch {
    // one line of text
  }
  if (!response.ok) throw new Error(values?.error || (values ? "the studio failed; its window says why" : text));
  return values;
}

export async function call(name, ...data) {
  const body = JSON.stringify({ data });
  const headers = { "Content-Type": "application/json" };
  const values = await answer(fetch(`/gradio_api/run/${name}`, { method: "POST", headers, body }));
  return values.data[0];
}

// Upload a File or Blob, and keep it in the studio under its name there.
export async function add(file, title, maxBytes) {
  if (file.size > maxBytes) {
    throw new Error(`'${title}' has more bytes than the ${maxBytes} that may be uploaded; make it smaller`);
  }
  const form = new FormData();
  form.append("files", file, title);
  const [path] = await answer(fetch("/gradio_api/upload", { method: "POST", body: form }));
  return call("add", { path, orig_name: title, meta: { _type: "gradio.FileData" } });
}

export const shown = (name, edge) => `/pictures/${encodeURIComponent(name)}?edge=${edge}`;
