// Requests to the annotator's routes.

export class Server {
  constructor(root, token) {
    this.root = root;
    this.token = token;
  }

  address(path) {
    return new URL(path, this.root).href;
  }

  async documents(project, start, count) {
    const path = `api/projects/${project}/items?start=${start}&count=${count}`;
    const reply = await fetch(this.address(path), { headers: { "X-Fewmark-Token": this.token } });
    if (!reply.ok) throw new Error(await this.#problem(reply));
    return reply.json();
  }

  /** Save labels. `keepalive`: the request goes on when the page is closed. */
  async save(item, body) {
    const text = JSON.stringify(body);
    const reply = await fetch(this.address(`api/items/${item}`), {
      method: "POST",
      headers: { "Content-Type": "application/json", "X-Fewmark-Token": this.token },
      body: text,
      keepalive: text.length < 60_000, // browsers refuse more
    });
    return { status: reply.status, answer: await reply.json().catch(() => ({})) };
  }

  async #problem(reply) {
    const answer = await reply.json().catch(() => ({}));
    return answer.error ?? `the server answered ${reply.status}`;
  }
}
