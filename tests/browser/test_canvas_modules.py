"""The canvas' pure modules, run in the browser: labels, undo, geometry, and the outbox.

The outbox is tried against a small server with the store's rules that loses requests and answers.
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


def test_undo_goes_back_to_the_very_first_of_thousands_of_states(run: Run) -> None:
    assert run("""
      const { History } = await import("/api/frontend/x/history.js");
      const states = Array.from({ length: 5000 }, (_, k) => ({ points: [k], target: k }));
      const history = new History(states[0]);
      states.slice(1).forEach((state) => history.commit(state));
      let back = 0;
      while (history.undo()) back += 1;
      const first = history.state === states[0];
      while (history.redo());
      return [back, first, history.state === states.at(-1)];
    """) == [4999, True, True]


def test_a_new_edit_after_undo_leaves_nothing_to_redo(run: Run) -> None:
    assert run("""
      const { History } = await import("/api/frontend/x/history.js");
      const history = new History({ points: [0] });
      history.commit({ points: [1] });
      history.undo();
      history.commit({ points: [2] });
      return [history.redo(), history.state.points[0], history.commit({ ...history.state })];
    """) == [False, 2, False]


def test_edits_never_change_what_they_were_given(run: Run) -> None:
    """Random edits on frozen states: a write into one would throw."""
    assert (
        run("""
      const doc = await import("/api/frontend/x/document.js");
      const freeze = (state) => {
        state.points.forEach((point) => point && Object.freeze(point));
        Object.freeze(state.points);
        return Object.freeze(state);
      };
      let seed = 1;
      const random = (n) => (seed = (seed * 48271) % 2147483647) % n;
      let state = freeze(doc.opened(Array(6).fill(null)));
      for (let k = 0; k < 3000; k += 1) {
        const position = { x: random(100), y: random(100) };
        const edits = [
          () => doc.place(state, position), () => doc.markAbsent(state),
          () => doc.toggleOccluded(state), () => doc.remove(state),
          () => doc.move(state, random(6), position), () => doc.aim(state, random(6)),
        ];
        state = freeze(edits[random(edits.length)]());
        const next = state.points.findIndex((point) => point === null);
        if (state.target < 0 && next >= 0 && state.selected < 0) return [k, state];
        if (state.points.length !== 6) return [k, state];
      }
      return "ok";
    """)
        == "ok"
    )


def test_the_next_landmark_is_the_first_hole_going_round(run: Run) -> None:
    assert run("""
      const { nextUndecided } = await import("/api/frontend/x/document.js");
      const p = { x: 1, y: 1, v: 2 };
      return [nextUndecided([null, p, null], 1), nextUndecided([null, p, p], 1),
              nextUndecided([p, p], 0), nextUndecided([p, null], 2)];
    """) == [2, 0, -1, 1]


def test_what_is_under_the_cursor_stays_there_when_zooming(run: Run) -> None:
    worst = run("""
      const { View } = await import("/api/frontend/x/geometry.js");
      const view = new View();
      view.fit([-0.5, -0.5, 127.5, 95.5], { width: 900, height: 600 });
      let worst = 0;
      for (let k = 0; k < 500; k += 1) {
        const [x, y] = [(k * 37) % 900, (k * 53) % 600];
        const before = view.toPicture(x, y);
        view.zoomAt(k % 3 ? 1.19 : 0.6, x, y);
        const after = view.toPicture(x, y);
        const [sx, sy] = view.toScreen(after);
        worst = Math.max(worst, Math.abs(before.x - after.x), Math.abs(before.y - after.y),
          Math.abs(sx - x), Math.abs(sy - y));
        view.pan((k % 7) - 3, (k % 5) - 2);
      }
      return worst;
    """)
    assert worst < 1e-6


def test_documents_that_left_the_server_before_a_save_do_not_bring_back_old_labels(
    run: Run,
) -> None:
    result = run("""
      const { Queue } = await import("/api/frontend/x/queue.js");
      const old = () => ({ total: 1, documents: [
        { item: 7, position: 0, revision: 1, points: [1], status: "open", flag: false }] });
      const queue = new Queue({ documents: async () => old() }, 1);
      const before = (await queue.get(0)).revision;
      queue.remember(7, { revision: 2, points: [2], status: "done", flag: true });
      const seen = [];
      for (let k = 0; k < 3; k += 1) {
        queue.refresh([]);
        const { revision, points, status, flag } = await queue.get(0);
        seen.push([revision, points[0], status, flag]);
      }
      return [before, seen];
    """)
    assert result == [1, [[2, 2, "done", True]] * 3]


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


def test_a_server_that_never_answers_counts_as_gone(run: Run) -> None:
    result = run("""
      const { Server } = await import("/api/frontend/x/server.js");
      const ask = globalThis.fetch;
      globalThis.fetch = (_, { signal }) => new Promise((_, fail) => {
        signal.addEventListener("abort", () => fail(signal.reason));
      });
      const server = new Server("http://localhost/", "", 50);
      const found = await Promise.all([server.save(1, {}), server.documents(1, 0, 1)]
        .map((asked) => asked.then(() => "answered", (error) => error.message)));
      globalThis.fetch = ask;
      return found;
    """)
    assert result == ["the server does not answer"] * 2


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


def test_keys_mean_the_same_whatever_is_locked_or_held(run: Run) -> None:
    assert run("""
      const { meaning } = await import("/api/frontend/x/keys.js");
      const ask = (key, more = {}) => meaning({ key, ...more });
      return [ask("d"), ask("D"), ask("z", { ctrlKey: true }), ask("Z", { metaKey: true,
        shiftKey: true }), ask("?", { shiftKey: true }), ask("r"), ask("r", { ctrlKey: true }),
        ask("ArrowUp", { altKey: true }), ask("j"), ask("d", { ctrlKey: true }),
        ask("s", { repeat: true }), ask("z", { repeat: true }), ask("в", { code: "KeyD" }),
        ask("à", { code: "Digit0" }), ask("j", { code: "KeyA" }), ask("é", { code: "Slash" })];
    """) == [
        {"command": "next"}, {"command": "next"}, {"command": "undo"}, {"command": "redo"},
        {"command": "help"}, {"command": "loop"}, None, {"nudge": [0, -0.1]}, None, None,
        {"swallow": True}, {"command": "undo"}, {"command": "next"}, {"command": "fit"}, None, None,
    ]  # fmt: skip


def test_the_time_of_an_edit_goes_to_the_points_that_it_changed(run: Run) -> None:
    assert run("""
      const { timed } = await import("/api/frontend/x/provenance.js");
      const { place, move, opened, toggleOccluded } = await import("/api/frontend/x/document.js");
      const first = opened([null, { x: 1, y: 1, v: 2 }, null, null]);
      const placed = timed(first, place(first, { x: 5, y: 5 }), 700);
      const nudged = timed(placed, move(placed, 0, { x: 6, y: 5 }), 250.4);
      const old = timed(nudged, move(nudged, 1, { x: 2, y: 1 }), 90);
      const both = { ...old, points: [old.points[0], old.points[1], { x: 1, y: 2, v: 2 },
        { x: 3, y: 4, v: 2 }] };
      const shared = timed(old, both, 301);
      const hidden = toggleOccluded({ ...shared, selected: 0 });
      return [placed.points[0].ms, nudged.points[0].ms, old.points[1],
        shared.points.map((p) => p.ms ?? null), timed(shared, hidden, 50).points[0],
        timed(shared, { ...shared, selected: 2 }, 50).points === shared.points];
    """) == [
        700, 950, {"x": 2, "y": 1, "v": 2}, [950, None, 151, 151],
        {"x": 6, "y": 5, "v": 1, "ms": 1000}, True,
    ]  # fmt: skip


def test_labels_that_differ_only_in_how_they_came_about_are_the_same(run: Run) -> None:
    assert run("""
      const { sameLabels, move } = await import("/api/frontend/x/document.js");
      const a = [{ x: 1, y: 2, v: 2, src: "accepted", ms: 9 }, null];
      const moved = move({ points: a, target: 1, selected: -1 }, 0, { x: 3, y: 2 }).points;
      return [sameLabels(a, [{ v: 2, y: 2, x: 1 }, null]), sameLabels(a, [a[0], a[0]]),
        sameLabels(a, [{ ...a[0], v: 1 }, null]), moved[0].src];
    """) == [True, False, False, "corrected"]


GHOSTS = """
  const doc = await import("/api/frontend/x/document.js");
  const { accept, acceptAll, place, move, openGhosts } = await import("/api/frontend/x/ghosts.js");
  const ghosts = [{ x: 10, y: 10, v: 2 }, null, { x: 110, y: 10, v: 1 }];
  const blank = doc.opened([null, null, null]);
"""


def test_a_ghost_is_a_point_only_when_it_is_taken(run: Run) -> None:
    assert run(
        GHOSTS
        + """
      const one = accept(blank, ghosts);
      const gap = accept(one, ghosts); // the second landmark has none
      const all = acceptAll(blank, ghosts);
      return [blank.points, one, gap === one, all.points, all.target,
        openGhosts(one, ghosts).map(Boolean), acceptAll(all, ghosts) === all,
        accept(doc.opened([null]), null).points, accept(doc.aim(one, 0), ghosts).points[0].src];
    """
    ) == [
        [None] * 3,
        {"points": [{"x": 10, "y": 10, "v": 2, "src": "accepted"}, None, None],
         "target": 1, "selected": 0},
        True,
        [{"x": 10, "y": 10, "v": 2, "src": "accepted"}, None,
         {"x": 110, "y": 10, "v": 1, "src": "accepted"}],
        1, [False, False, True], True, [None], "accepted",
    ]  # fmt: skip


def test_a_ghost_that_is_moved_or_clicked_beside_is_corrected_and_far_from_it_a_person_placed(
    run: Run,
) -> None:
    assert run(
        GHOSTS
        + """
      const near = place(blank, { x: 15, y: 12 }, 2, ghosts).points[0];
      const far = place(blank, { x: 25, y: 10 }, 2, ghosts).points[0];
      const exact = place(blank, { x: 10, y: 10 }, 2, ghosts).points[0];
      const dragged = move(blank, 2, { x: 100, y: 20 }, ghosts);
      const again = move(dragged, 2, { x: 101, y: 20 }, ghosts);
      const nudged = move(accept(blank, ghosts), 0, { x: 11, y: 10 }, ghosts);
      return [near, far, exact, dragged, again.points[2], nudged.points[0]];
    """
    ) == [
        {"x": 15, "y": 12, "v": 2, "src": "corrected"},
        {"x": 25, "y": 10, "v": 2},
        {"x": 10, "y": 10, "v": 2, "src": "accepted"},
        {"points": [None, None, {"x": 100, "y": 20, "v": 1, "src": "corrected"}],
         "target": 0, "selected": 2},
        {"x": 101, "y": 20, "v": 1, "src": "corrected"},
        {"x": 11, "y": 10, "v": 2, "src": "corrected"},
    ]  # fmt: skip


def test_the_way_leads_past_what_is_somebody_elses_and_is_the_order_where_nobody_tells(
    run: Run,
) -> None:
    result = run("""
      const { Queue } = await import("/api/frontend/x/queue.js");
      const answers = [{ way: [1, 4, 9], is_end: true, next_open: [1, 4, 9] }];
      const asked = [];
      const claim = async (...question) => { asked.push(question); return answers.shift(); };
      const queue = new Queue({ claim }, 7, "ann");
      await queue.claim(0);
      const ahead = [0, 1, 4, 9, 2].map((position) => queue.after(position));
      const back = [9, 4, 1, 0].map((position) => queue.before(position));
      return [asked, ahead.map(String), back];
    """)
    assert result == [[[7, "ann", 0]], ["1", "4", "9", "Infinity", "3"], [4, 1, 0, -1]]
