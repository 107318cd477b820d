// The pictures of a project: documents in batches, pictures loaded ahead, and the way from one to
// the next. The server holds what comes next for the annotator; the way leads past what is
// somebody else's. Where the server does not answer, the way is the order of the project.

const BATCH = 24;
const LOOKED_THROUGH = 200; // documents asked for at a time, to find one
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
  #next = new Map(); // position -> the one that follows on the way
  #previous = new Map();
  total = 0;
  done = 0;
  skipped = 0;

  constructor(server, project, annotator = "") {
    this.server = server;
    this.project = project;
    this.annotator = annotator;
  }

  /** The document at a position, from memory if it is there. */
  async get(position) {
    if (!this.#documents.has(position)) await this.#load(position);
    return this.#documents.get(position) ?? null;
  }

  /** The document at a position as the server has it now. */
  async ask(position) {
    return (await this.#documentsFrom(position, 1)).documents[0] ?? null;
  }

  #documentsFrom(start, count) {
    return this.server.documents(this.project, start, count, this.annotator);
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
    const answer = await this.#documentsFrom(start, BATCH);
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
      const { revision, points, status, flag, annotator, created } = answer;
      Object.assign(document, { revision, points, status, flag, annotator, created });
    }
  }

  /** Hold what comes next, and learn the way there. */
  async claim(here) {
    const claim = await this.server.claim(this.project, this.annotator, here);
    this.total = Math.max(this.total, claim.total ?? 0); // a gold picture may have been added
    let last = here;
    for (const position of claim.way) {
      if (last !== null) this.#connect(last, position);
      last = position;
    }
    if (last !== null && claim.is_end) this.#next.set(last, Infinity);
    return claim;
  }

  #connect(position, next) {
    this.#next.set(position, next);
    this.#previous.set(next, position);
  }

  after(position) {
    return this.#next.get(position) ?? position + 1;
  }

  before(position) {
    return this.#previous.get(position) ?? position - 1;
  }

  /** Another annotator sits here: what the one before held is free. */
  async handOver(annotator, here) {
    const before = this.annotator;
    this.annotator = annotator;
    await this.server.release(this.project, before);
    await this.claim(here);
  }

  /** Position of the first document from `start` on, going round, that passes; null: none does. */
  async nextWhere(start, test) {
    for (const [from, to] of [[start, this.total], [0, Math.min(start, this.total)]]) {
      for (let position = from; position < to;) {
        const known = this.#documents.get(position);
        const some = known ? [known] : await this.#look(position);
        const found = some.find((document) => document.position < to && test(document));
        if (found) return found.position;
        position += some.length || to;
      }
    }
    return null;
  }

  /** Documents from a position on as they are now; they are looked at, not kept. */
  async #look(position) {
    const answer = await this.#documentsFrom(position, LOOKED_THROUGH);
    answer.documents.forEach((document) => this.#bringUpToDate(document));
    return answer.documents.map((found) => this.#documents.get(found.position) ?? found);
  }

  /** Forget documents (not those that are open or opening): others may have changed them. */
  refresh(kept) {
    for (const position of [...this.#documents.keys()]) {
      if (!kept.includes(position)) this.#documents.delete(position);
    }
  }

  /** Why it is not the annotator's to mark, who marked another copy of it; or null. */
  whyNotMine(document) {
    const isMine = (other) => other.name === document.name && other.item !== document.item
      && (this.#saved.get(other.item) ?? other).annotator === this.annotator;
    const other = [...this.#documents.values()].find(isMine);
    const marked = document.marked_copy ?? other?.copy;
    const isBegun = (this.#saved.get(document.item) ?? document).annotator === this.annotator;
    if (marked === undefined || isBegun) return null;
    return `You have marked copy ${marked} of this picture: this one is for somebody else.`;
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

  /** Hold and load what comes next, so that going on takes no time. */
  prepare(position) {
    this.#loadAhead(position);
    this.claim(position).then(() => this.#loadAhead(position), () => {});
  }

  #loadAhead(position) {
    let next = this.after(position);
    for (let step = 0; step < AHEAD && next < this.total; step += 1) {
      this.get(next).then((document) => document && this.picture(document), () => {});
      next = this.after(next);
    }
  }
}
