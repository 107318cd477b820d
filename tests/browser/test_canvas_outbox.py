"""The canvas' outbox, in the browser, against a small server that loses requests and answers.

The server has the rules of the store.
"""

import pytest

from tests.browser.canvas import Run

FAKES = """
  // The rules of AnnotationStore.save; `fate()` says what happens to a request.
  const fakeServer = (fate) => {
    const revisions = new Map();
    const log = [];
    const save = (item, body) => {
      const list = revisions.get(item) ?? [];
      const current = list.at(-1);
      if (current) {
        const heard = Math.max(0, ...list.filter((r) => r.writer === body.writer)
          .map((r) => r.sequence));
        const same = JSON.stringify([current.points, current.flag])
          === JSON.stringify([body.points, body.flag]);
        const overtaken = body.writer !== current.writer && body.base !== current.revision;
        if (body.sequence <= heard || (same && (overtaken || body.sequence === 1))) {
          return { status: 200, answer: current };
        }
        if (overtaken) return { status: 409, answer: { current } };
      }
      const made = { revision: list.length + 1, ...structuredClone(body), status: "open" };
      revisions.set(item, [...list, made]);
      return { status: 200, answer: made };
    };
    const post = async (item, body) => {
      const sent = structuredClone(body);
      log.push({ item, ...sent });
      const what = fate();
      if (what === "lost") throw new TypeError("no connection");
      const reply = save(item, sent);
      if (what === "answer lost") throw new TypeError("no connection");
      return typeof what === "number" ? { status: what, answer: { error: "no" } } : reply;
    };
    return { post, save, revisions, log };
  };
  const { Journal, Memory } = await import("/api/frontend/x/journal.js");
  const { Outbox } = await import("/api/frontend/x/sync.js");
  const labels = (k) => ({ annotator: "ann", points: [{ x: k, y: 0, v: 2 }], flag: false });
  const outboxOf = (server, storage) => {
    const saved = [];
    const box = new Outbox({
      journal: new Journal(storage, "fewmark:s:1"), post: server.post, onChange: () => {},
      onSaved: (item, answer, news) => saved.push({ item, revision: answer.revision, news }),
    });
    return { box, saved };
  };
"""


def test_everything_arrives_over_a_line_that_loses_requests_and_answers(run: Run) -> None:
    result = run(
        FAKES
        + """
      let seed = 7;
      const random = () => (seed = (seed * 48271) % 2147483647) / 2147483647;
      const fates = ["lost", "answer lost", 500, 503, "fine", "fine"];
      const server = fakeServer(() => fates[Math.floor(random() * fates.length)]);
      const storage = new Memory();
      const { box, saved } = outboxOf(server, storage);
      const last = new Map();
      const revision = (item) => server.revisions.get(item)?.length ?? 0;
      for (let k = 1; k <= 60; k += 1) {
        const item = 1 + Math.floor(random() * 5);
        const base = saved.findLast((entry) => entry.item === item)?.revision ?? 0;
        last.set(item, k);
        setTimeout(() => box.edit(item, base, labels(k)), 100 * k);
      }
      return () => ({
        state: box.state, kept: storage.length, news: saved.some((entry) => entry.news),
        right: [...last].every(([item, k]) => server.revisions.get(item).at(-1).points[0].x === k),
      });
    """,
        wait_ms=900_000,
    )
    assert result == {"state": "saved", "kept": 0, "news": False, "right": True}


@pytest.mark.parametrize("arrived", [0, 1, 2, 3])
def test_labels_of_several_page_loads_that_could_not_be_sent_are_one_story(
    run: Run, arrived: int
) -> None:
    """Each load goes on from what the one before could not send, or did not hear was saved.

    Writers are random, so it is tried often; one person alone is never asked anything.
    """
    result = run(
        FAKES
        + f"""
      const trials = Array.from({{ length: 20 }}, () => {{
        const storage = new Memory();
        const server = fakeServer(() => "fine");
        let loads = 0;
        const deaf = {{ post: async (item, body) => {{
          if (loads <= {arrived}) server.save(item, structuredClone(body));
          throw new TypeError("no connection");
        }} }};
        const shown = [];
        for (const k of [1, 2, 3]) {{
          loads = k;
          const {{ box }} = outboxOf(deaf, storage);
          shown.push(box.unsaved(1)?.points[0].x ?? 0);
          box.edit(1, 0, labels(k));
          box.leave(); // the page is loaded again
        }}
        const last = outboxOf(server, storage);
        last.box.flush();
        return {{ last, server, storage, shown }};
      }});
      return () => trials.map(({{ last, server, storage, shown }}) => [
        last.box.state, storage.length, server.revisions.get(1).at(-1).points[0].x, ...shown,
      ].join());
    """,
        wait_ms=20_000,
    )
    assert set(result) == {"saved,0,3,0,1,2"}


def test_labels_that_were_saved_before_anybody_heard_of_it_are_gone_on_from(run: Run) -> None:
    result = run(
        FAKES
        + """
      const storage = new Memory();
      const dead = fakeServer(() => "answer lost");
      outboxOf(dead, storage).box.edit(1, 0, labels(1));
      const old = JSON.parse(storage.getItem(storage.key(0))).body;
      const server = fakeServer(() => "fine");
      server.save(1, old); // it had arrived, only the answer had not
      const { box } = outboxOf(server, storage);
      box.edit(1, 0, labels(2));
      box.flush();
      return () => ({
        state: box.state, kept: storage.length,
        places: server.revisions.get(1).map((r) => r.points[0].x),
      });
    """,
        wait_ms=60_000,
    )
    assert result == {"state": "saved", "places": [1, 2], "kept": 0}


@pytest.mark.parametrize(
    ("fate", "saved"),
    [
        ("fine", [[0, 1000], [1, 500]]),
        ("lost", [[0, 1500]]),
        ("answer lost", [[0, 1000], [0, 1500]]),  # of one base and writer the longest counts
    ],
)
def test_time_at_work_is_since_the_base_whatever_becomes_of_a_request(
    run: Run, fate: str, saved: list[list[int]]
) -> None:
    assert (
        run(
            FAKES
            + f"""
      const fates = ["{fate}"];
      const server = fakeServer(() => fates.shift() ?? "fine");
      const {{ box }} = outboxOf(server, new Memory());
      box.edit(1, 0, {{ ...labels(1), active_ms: 400 }});
      box.edit(1, 0, {{ ...labels(2), active_ms: 600 }});
      box.flush();
      box.edit(1, 0, {{ ...labels(3), active_ms: 500 }}); // while the others are on their way
      return () => server.revisions.get(1).map((r) => [r.base, r.active_ms]);
    """,
            wait_ms=60_000,
        )
        == saved
    )


TWO_TABS = """
  const storage = new Memory();
  const server = fakeServer(() => "fine");
  const dead = { post: async () => { throw new TypeError("no connection"); } };
  let [toA, toB] = [dead, dead];
  const one = outboxOf({ post: (...sent) => toA.post(...sent) }, storage).box;
  one.edit(1, 0, labels(1));
  const two = outboxOf({ post: (...sent) => toB.post(...sent) }, storage).box; // adopts it
  one.edit(1, 0, labels(2));
  two.edit(1, 0, labels(3));
"""


@pytest.mark.parametrize("first", ["one", "two"])
def test_two_tabs_that_went_on_from_the_same_labels_are_asked(run: Run, first: str) -> None:
    result = run(
        FAKES
        + TWO_TABS
        + f"""
      if ("{first}" === "one") toA = server;
      else toB = server;
      one.flush();
      two.flush();
      setTimeout(() => {{ toA = server; toB = server; one.flush(); two.flush(); }}, 20_000);
      return () => [one.state, two.state, server.revisions.get(1).map((r) => r.points[0].x)];
    """,
        wait_ms=60_000,
    )
    assert result == (["saved", "conflict", [2]] if first == "one" else ["conflict", "saved", [3]])


@pytest.mark.parametrize(("keep", "places"), [("true", [2, 3]), ("false", [2])])
def test_what_two_tabs_left_behind_is_asked_about_and_not_dropped(
    run: Run, keep: str, places: list[int]
) -> None:
    result = run(
        FAKES
        + TWO_TABS
        + f"""
      [one, two].forEach((tab, k) => {{
        tab.unsaved(1).edited_ms = k; // the page's clock stands still
        tab.journal.put(1, tab.unsaved(1));
      }});
      const {{ box }} = outboxOf(server, storage);
      const shown = box.unsaved(1).points[0].x;
      box.flush();
      const asked = [];
      setTimeout(() => {{
        asked.push(box.state, box.conflict(1)?.points[0].x);
        box.resolve(1, {{ keepOurs: {keep} }});
      }}, 5000);
      return () => [shown, asked, box.state, server.revisions.get(1).map((r) => r.points[0].x),
        storage.length];
    """,
        wait_ms=10_000,
    )
    assert result == [3, ["conflict", 2], "saved", places, 0]


def test_a_conflict_waits_for_a_choice_and_sends_nothing_meanwhile(run: Run) -> None:
    result = run(
        FAKES
        + """
      const server = fakeServer(() => "fine");
      server.save(1, { ...labels(9), writer: "other", sequence: 1, base: 0 });
      const storage = new Memory();
      const { box, saved } = outboxOf(server, storage);
      box.edit(1, 0, labels(1));
      setTimeout(() => box.edit(1, 0, labels(2)), 5000);
      return () => ({
        state: box.state, sent: server.log.length, theirs: box.conflict(1).points[0].x,
        kept: storage.length, saved: saved.length,
      });
    """,
        wait_ms=60_000,
    )
    assert result == {"state": "conflict", "sent": 1, "theirs": 9, "kept": 1, "saved": 0}


def test_labels_that_the_server_does_not_accept_are_kept_and_told(run: Run) -> None:
    result = run(
        FAKES
        + """
      const server = fakeServer(() => 400);
      const storage = new Memory();
      const { box } = outboxOf(server, storage);
      box.edit(1, 0, { ...labels(1), position: 4 });
      return () => ({ state: box.state, problem: box.problem, kept: storage.length,
        sent: server.log.length });
    """,
        wait_ms=60_000,
    )
    assert result == {
        "state": "refused", "problem": {"text": "no", "position": 4}, "kept": 1, "sent": 1,
    }  # fmt: skip


def test_labels_that_were_not_accepted_do_not_stand_in_the_way_of_those_that_follow(
    run: Run,
) -> None:
    """What an earlier page left is refused; the labels that were made out of it are not."""
    result = run(
        FAKES
        + """
      const storage = new Memory();
      const dead = fakeServer(() => "lost");
      outboxOf(dead, storage).box.edit(1, 0, labels(1));
      const server = fakeServer(() => "fine");
      const strict = { post: async (item, body) => (body.points[0].x === 1
        ? { status: 400, answer: { error: "no" } } : server.post(item, body)) };
      const { box } = outboxOf(strict, storage);
      box.flush();
      setTimeout(() => box.edit(1, 0, labels(2)), 1000);
      return () => ({ state: box.state, kept: storage.length,
        places: server.revisions.get(1)?.map((r) => r.points[0].x) });
    """,
        wait_ms=60_000,
    )
    assert result == {"state": "saved", "kept": 0, "places": [2]}


@pytest.mark.parametrize("answer", ["{}", "null", "[]", "{ revision: null }"])
def test_an_answer_that_is_not_the_stores_is_no_acknowledgement(run: Run, answer: str) -> None:
    result = run(
        FAKES
        + f"""
      const storage = new Memory();
      const portal = {{ post: async () => ({{ status: 200, answer: {answer} }}) }};
      const {{ box, saved }} = outboxOf(portal, storage);
      box.edit(1, 0, labels(1));
      return () => [box.state, storage.length, saved.length];
    """,
        wait_ms=5_000,
    )
    assert result == ["offline", 1, 0]


def test_a_full_browser_storage_stops_no_labels(run: Run) -> None:
    result = run(
        FAKES
        + """
      const storage = new Memory();
      storage.setItem = () => { throw new DOMException("full", "QuotaExceededError"); };
      const server = fakeServer(() => "fine");
      const { box } = outboxOf(server, storage);
      box.edit(1, 0, labels(1));
      const before = [box.journal.full, box.isKept];
      return () => [before, box.journal.full, box.isKept, box.state,
        server.revisions.get(1).length];
    """,
        wait_ms=5_000,
    )
    assert result == [[True, False], False, True, "saved", 1]


def test_labels_are_kept_nowhere_where_the_browser_denies_its_storage(run: Run) -> None:
    result = run(
        FAKES
        + """
      const dead = fakeServer(() => "lost");
      const { box } = outboxOf(dead, null);
      const before = box.isKept;
      box.edit(1, 0, labels(1));
      return () => [before, box.isKept, box.journal.all().length];
    """,
        wait_ms=5_000,
    )
    assert result == [True, False, 1]


def test_leaving_sends_the_newest_even_while_an_older_one_is_on_its_way(run: Run) -> None:
    result = run(
        FAKES
        + """
      const waiting = [];
      const server = fakeServer(() => "fine");
      const slow = { post: (item, body) => new Promise((go) => {
        waiting.push(() => go(server.save(item, structuredClone(body)))); }) };
      const { box } = outboxOf(slow, new Memory());
      box.edit(1, 0, labels(1));
      box.flush();
      box.edit(1, 0, labels(2));
      box.leave();
      waiting.reverse().forEach((arrive) => arrive()); // the newer one overtakes
      return () => server.revisions.get(1).map((r) => r.points[0].x);
    """,
        wait_ms=5_000,
    )
    assert result == [2]
