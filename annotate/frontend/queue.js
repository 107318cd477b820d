// The pictures of a project in their order: documents in batches, pictures loaded ahead.

const BATCH = 24;
const AHEAD = 3;
const KEPT_PICTURES = 16;
const OTHER_SHAPE = "this picture has changed since the project was made";

/** Whether an image has the document's shape; its size may be given for another density. */
function isOfShape({ naturalWidth, naturalHeight }, { width, height }) {
  const difference = Math.abs(naturalWidth / width - naturalHeight / height);
  return difference <= 1 / width + 1 / height; // both sides were rounded to whole pixels
}

export class Queue {
  #documents = new Map(); // position -> document
  #loading = new Map(); // first position of a batch -> promise
  #saved = new Map(); // item -> the last answer to a save
  #pictures = new Map(); // item -> { image, address, ready }
  total = 0;
  done = 0;
  skipped = 0;

  constructor(server, project) {
    this.server = server;
    this.project = project;
  }

  /** The document at a position, from memory if it is there. */
  async get(position) {
    if (!this.#documents.has(position)) await this.#load(position);
    return this.#documents.get(position) ?? null;
  }

  /** The document at a position as the server has it now. */
  async ask(position) {
    return (await this.server.documents(this.project, position, 1)).documents[0] ?? null;
  }

  byItem(item) {
    return [...this.#documents.values()].find((document) => document.item === item) ?? null;
  }

  #load(position) {
    const start = position - (position % BATCH);
    if (!this.#loading.has(start)) {
      const loading = this.#fetch(start).finally(() => this.#loading.delete(start));
      this.#loading.set(start, loading);
    }
    return this.#loading.get(start);
  }

  async #fetch(start) {
    const answer = await this.server.documents(this.project, start, BATCH);
    this.total = answer.total;
    this.done = answer.done;
    this.skipped = answer.skipped;
    for (const document of answer.documents) {
      if (this.#documents.has(document.position)) continue;
      this.#documents.set(document.position, document);
      this.#bringUpToDate(document);
    }
  }

  /** What the server answered to a save: it counts for documents that arrive later, too. */
  remember(item, answer) {
    this.#saved.set(item, answer);
  }

  /** A batch may have left the server before a save that was acknowledged meanwhile. */
  #bringUpToDate(document) {
    const answer = this.#saved.get(document.item);
    if (answer && answer.revision > document.revision) {
      const { revision, points, status, flag } = answer;
      Object.assign(document, { revision, points, status, flag });
    }
  }

  /** Position of the first open picture from `start` on, going round; null where all are done. */
  async nextOpen(start) {
    const after = await this.server.documents(this.project, start, 1);
    if (after.first_open !== null || start === 0) return after.first_open;
    return (await this.server.documents(this.project, 0, 1)).first_open;
  }

  /** Forget documents (not those that are open or opening): others may have changed them. */
  refresh(kept) {
    for (const position of [...this.#documents.keys()]) {
      if (!kept.includes(position)) this.#documents.delete(position);
    }
  }

  /** The new status of a document, and the counts that follow from it. */
  setStatus(document, status) {
    if (document.status === status) return;
    this.done += (status === "done") - (document.status === "done");
    this.skipped += (status === "skipped") - (document.status === "skipped");
    document.status = status;
  }

  /** The picture of a document: an image element and a promise that it is loaded, or has a problem. */
  picture(document) {
    const found = this.#pictures.get(document.item);
    if (found && !found.problem) return found;
    const image = new Image();
    image.decoding = "async";
    image.draggable = false;
    image.alt = "";
    image.src = this.server.address(document.image);
    const entry = { image, problem: null };
    entry.ready = image.decode().then(
      () => { if (!isOfShape(image, document)) entry.problem = `${document.name}: ${OTHER_SHAPE}`; },
      async () => { entry.problem = await this.server.whyNot(document.image); },
    );
    this.#pictures.set(document.item, entry);
    if (this.#pictures.size > KEPT_PICTURES) {
      this.#pictures.delete(this.#pictures.keys().next().value);
    }
    return entry;
  }

  /** Load what comes next, so that going on takes no time. */
  prepare(position) {
    for (let next = position + 1; next <= Math.min(position + AHEAD, this.total - 1); next += 1) {
      this.get(next).then((document) => document && this.picture(document), () => {});
    }
  }
}
