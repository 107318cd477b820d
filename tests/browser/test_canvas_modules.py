"""The canvas' pure modules, run in the browser: labels, undo, geometry, keys, and ghosts."""

from tests.browser.canvas import Run


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
