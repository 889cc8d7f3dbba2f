// What happens to the jobs, as the studio tells it; a studio that does not answer, and comes back.

import { api, events } from "./api.js";

const HIDDEN_MS = 5000; // a tab that nobody sees asks now and then: browsers allow few open streams

export class Watch {
  // `happened` is called after every change of `jobs`, with the job that changed; `lost` when the studio comes or goes.
  constructor(happened, lost) {
    this.jobs = new Map();
    this.happened = happened;
    this.lost = lost;
    this.answers = true;
    document.addEventListener("visibilitychange", () => this.tune());
    setInterval(() => document.hidden && this.look(), HIDDEN_MS);
    this.first = new Promise((done) => (this.came = done));
    this.tune();
  }

  tune() {
    if (document.hidden) this.source = this.source?.close();
    else if (!this.source) this.listen();
  }

  listen() {
    const source = (this.source = events());
    source.addEventListener("jobs", ({ data }) => {
      this.take(JSON.parse(data));
      this.here(true);
      this.came();
    });
    source.addEventListener("job", ({ data }) => this.put(JSON.parse(data)));
    source.addEventListener("gone", ({ data }) => {
      this.jobs.delete(JSON.parse(data));
      this.happened(null);
    });
    source.onerror = () => {
      this.here(false);
      this.came();
      if (source.readyState === EventSource.CLOSED && this.source === source) {
        this.source = null;
        setTimeout(() => this.tune(), HIDDEN_MS);
      }
    };
  }

  async look() {
    try {
      this.take(await api.history());
    } catch {
      // it is looked at again soon
    }
  }

  here(answers) {
    if (this.answers === answers) return;
    this.answers = answers;
    this.lost(!answers);
  }

  take(lines) {
    this.jobs = new Map(lines.map((line) => [line.id, { ...this.jobs.get(line.id), ...line }]));
    this.happened(null);
  }

  put(job) {
    this.jobs.set(job.id, job);
    this.happened(job);
  }

  get newestFirst() {
    return [...this.jobs.values()].sort((a, b) => b.created - a.created || (a.id < b.id ? 1 : -1));
  }
}
