"""Keys that users choose for themselves, in the help of the canvas."""

from typing import Any

from playwright.sync_api import Page, expect

from annotate.store import Project
from tests.browser.canvas import Run, open_canvas, wait_for


def choose(page: Page, command: str, key: str) -> None:
    page.locator(f'.help [data-command="{command}"]').click()
    page.keyboard.press(key)


def test_a_key_is_chosen_kept_in_the_browser_and_reset(
    page: Page, server: Any, project: Project
) -> None:
    open_canvas(page, server.url)
    assert project
    page.keyboard.press("?")
    note = page.locator(".help .note")
    choose(page, "next", "a")
    expect(note).to_contain_text("A is taken (Previous picture)")
    page.keyboard.press("Enter")
    expect(note).to_contain_text("meaning of its own")
    page.keyboard.press("Control+k")
    expect(note).to_contain_text("meaning of its own")
    page.keyboard.press("j")
    expect(note).to_contain_text("Click a key")
    page.keyboard.press("Escape")
    expect(page.locator(".help")).to_be_hidden()
    expect(page.locator(".bar button", has_text="Next").first.locator("kbd")).to_have_text("J")
    page.keyboard.press("j")
    wait_for(page, position=1)
    page.keyboard.press("d")  # means nothing now
    page.keyboard.press("Enter")  # not chosen anew, so it still does
    wait_for(page, position=2)
    open_canvas(page, server.url)
    page.keyboard.press("j")
    wait_for(page, position=1)
    page.keyboard.press("?")
    page.get_by_role("button", name="Reset the keys").click()
    page.keyboard.press("Escape")
    page.keyboard.press("j")
    page.keyboard.press("d")
    wait_for(page, position=2)


def test_what_a_browser_kept_and_does_not_fit_is_left_out(run: Run) -> None:
    assert run("""
      const { Bindings, written } = await import("/api/frontend/x/bindings.js");
      const { COMMANDS } = await import("/api/frontend/x/keys.js");
      const with_ = (text) => new Bindings({ getItem: () => text, setItem: () => {} });
      const shown = (text) => with_(text).shown("next");
      const denied = new Bindings({ getItem: () => { throw new Error("denied"); },
        setItem: () => { throw new Error("full"); } });
      const keys = COMMANDS.flatMap((entry) => entry.keys);
      return [shown("{"), shown("null"), shown('{"next": "a"}'), shown('{"next": 3, "x": "j"}'),
        shown('{"next": "shift+j"}'), denied.choose("next", { key: "j" }), denied.shown("next"),
        written("shift++"), written("-") === "\\u2212", new Set(keys).size === keys.length];
    """) == ["D", "D", "D", "D", "Shift J", None, "J", "Shift +", True, True]
