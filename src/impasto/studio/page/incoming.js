// Files that come from outside: dropped, whole folders too, or pasted.

export const isClip = ({ name }) => /\.(mp4|mov|m4v|mkv|webm|avi)$/i.test(name);

const PICTURES = /\.(jpe?g|png|webp|tiff?|avif|hei[cf]|gif|bmp|style)$/i; // of a folder, what is looked at
export const MOST_PHOTOS = 100; // at once: as many as may wait

// The files that were dropped, those of folders in the order of their names; `others`: how many of a folder are none.
export async function filesOf(transfer) {
  const entries = [...transfer.items].map((item) => item.webkitGetAsEntry?.()).filter(Boolean);
  const loose = [...transfer.files]; // to be read now: both are gone after the event
  if (!entries.some(({ isDirectory }) => isDirectory)) return { files: loose, others: 0 };
  const found = (await Promise.all(entries.map(walk))).flat();
  return picturesOf(found);
}

// The pictures among the files of a folder.
export function picturesOf(found) {
  const seen = found.filter(({ name }) => !name.startsWith("."));
  const files = seen.filter(({ name }) => PICTURES.test(name)).sort((a, b) => a.name.localeCompare(b.name, undefined, { numeric: true }));
  return { files: files.slice(0, MOST_PHOTOS), others: seen.length - Math.min(files.length, MOST_PHOTOS) };
}

async function walk(entry) {
  if (entry.isFile) return [await new Promise((done, fail) => entry.file(done, fail))];
  const reader = entry.createReader(), inside = [];
  for (;;) {
    const some = await new Promise((done, fail) => reader.readEntries(done, fail)); // a hundred at a time
    if (!some.length) break;
    inside.push(...some);
  }
  return (await Promise.all(inside.map(walk))).flat();
}

// What was pasted has no name of its own.
export function pasted({ files }) {
  return [...files].map((file) => (file.name && file.name !== "image.png" ? file : new File([file], "pasted.png", { type: file.type })));
}

// Put a job's picture into the clipboard. Browsers let a page do so only on this machine or over https.
export async function copyPicture(address) {
  if (!navigator.clipboard?.write) throw new Error("this browser lets the page copy nothing: download the picture instead");
  const pixels = fetch(address).then((answer) => answer.blob());
  try {
    await navigator.clipboard.write([new ClipboardItem({ "image/png": pixels })]);
  } catch (error) {
    throw new Error(`the browser did not take the picture into the clipboard: ${error.message}`);
  }
}
