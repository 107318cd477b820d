// Requests to the annotator's routes.

const PATIENCE_MS = 15_000; // a server that takes longer is as good as gone

export class Server {
  constructor(root, token, patience_ms = PATIENCE_MS) {
    this.root = root;
    this.token = token;
    this.patience_ms = patience_ms;
  }

  address(path) {
    return new URL(path, this.root).href;
  }

  async documents(project, start, count, annotator = "") {
    const asked = new URLSearchParams({ start, count, annotator });
    const path = `api/projects/${project}/items?${asked}`;
    const reply = await this.#ask(path, { headers: { "X-Fewmark-Token": this.token } });
    if (!reply.ok) throw new Error(await this.#problem(reply));
    return reply.json();
  }

  /** The shape model of a project (see preview.js); null where there is none. */
  async model(project) {
    const headers = { "X-Fewmark-Token": this.token };
    const reply = await this.#ask(`api/projects/${project}/model`, { headers });
    return reply.ok ? (await reply.json()).model : null;
  }

  /** What waits for review after a position, and how far the review has come for somebody. */
  async reviews(project, annotator, after) {
    const query = new URLSearchParams({ annotator, ...(after === undefined ? {} : { after }) });
    const headers = { "X-Fewmark-Token": this.token };
    const reply = await this.#ask(`api/projects/${project}/reviews?${query}`, { headers });
    if (!reply.ok) throw new Error(await this.#problem(reply));
    return reply.json();
  }

  /** Hold the next open pictures for somebody who is at a position; null: at none yet. */
  claim(project, annotator, after) {
    return this.#post(`api/projects/${project}/claims`, { annotator, after });
  }

  /** How far somebody's labels of a gold picture are from the true points. */
  gold(item, annotator) {
    return this.#post(`api/items/${item}/gold`, { annotator });
  }

  /** Give back what somebody holds. */
  release(project, annotator) {
    return this.#post(`api/projects/${project}/releases`, { annotator });
  }

  async #post(path, body) {
    const headers = { "Content-Type": "application/json", "X-Fewmark-Token": this.token };
    const reply = await this.#ask(path, { method: "POST", headers, body: JSON.stringify(body) });
    if (!reply.ok) throw new Error(await this.#problem(reply));
    return reply.json();
  }

  /** Save labels. */
  save(item, body) {
    return this.send(`api/items/${item}`, body);
  }

  /** What must arrive. `keepalive`: the request goes on when the page is closed. */
  async send(path, body) {
    const text = JSON.stringify(body);
    const reply = await this.#ask(path, {
      method: "POST",
      headers: { "Content-Type": "application/json", "X-Fewmark-Token": this.token },
      body: text,
      keepalive: text.length < 60_000, // browsers refuse more
    });
    return { status: reply.status, answer: await reply.json().catch(() => ({})) };
  }

  /** Ask for a new token before this one ends, where tokens end. */
  async renew() {
    const headers = { "X-Fewmark-Token": this.token };
    const reply = await this.#ask("api/token", { method: "POST", headers });
    const answer = await reply.json().catch(() => ({}));
    if (reply.ok && answer.token) this.token = answer.token;
  }

  /** Why a picture cannot be shown. */
  async whyNot(path) {
    try {
      const reply = await this.#ask(path);
      return reply.ok ? "This picture cannot be shown" : await this.#problem(reply);
    } catch (error) {
      return `This picture cannot be loaded: ${error.message}`;
    }
  }

  async #ask(path, options = {}) {
    const signal = AbortSignal.timeout(this.patience_ms);
    try {
      return await fetch(this.address(path), { signal, ...options });
    } catch {
      throw new Error("the server does not answer");
    }
  }

  async #problem(reply) {
    const answer = await reply.json().catch(() => ({}));
    return answer.error ?? `the server answered ${reply.status}`;
  }
}
