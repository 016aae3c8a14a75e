"""Tries the model on the page of the server, which computes the predictions."""

import re
from pathlib import Path

import numpy as np
import pytest
from chromium import visit
from playwright.sync_api import Browser, Page, expect
from served import running
from try_it import ALL_PARTS, Runs, answer, draw_trousers, link_results, pixels, settle, shares
from validators import AXE

from job.__main__ import main

pytestmark = [pytest.mark.browser, pytest.mark.training]
pytest_plugins = ["browser_fixtures"]


def test_a_report_without_the_model_is_tried_on_the_server(chromium: Browser, runs: Runs, tmp_path: Path) -> None:
    """The page of the server gives the same answers as /predict, for drawings, test images and covered places."""
    folder = link_results(runs("baseline"), tmp_path / "copy")
    assert main(["render", "--no-try-it", "--output", str(folder), "-q"]) == 0
    with running(folder) as server:
        root = f"http://127.0.0.1:{server.port}/"
        with visit(chromium, f"{root}try-it.html", with_model=True) as visited:
            page = visited.page
            numbers = re.findall(r'alt="Test image (\d+)"', (folder / "index.html").read_text(encoding="utf-8"))
            assert page.locator("#try-images img").count() == len({*numbers}) > 100
            draw_trousers(page)
            expect(answer(page)).to_contain_text("Trouser")
            settle(page)
            (expected,) = server.post("/predict", {"images": [pixels(page).tolist()]}).content["predictions"]
            assert answer(page).inner_text().startswith(expected["class"])
            np.testing.assert_allclose(shares(page), [100 * p for p in expected["probabilities"].values()], atol=0.051)
            page.check("#try-occlude")
            expect(page.locator("#try-matters")).to_contain_text(ALL_PARTS, timeout=20_000)
            assert visited.messages == []
            assert {url for url in visited.requests if not url.startswith("data:")} == {
                root,
                f"{root}try-it.html",
                f"{root}predict",
            }
            page.evaluate(AXE.read_text(encoding="utf-8"))
            assert page.evaluate("axe.run().then(results => results.violations.map(({id}) => id))") == []
            page.get_by_role("link", name="Report").click()
            expect(page.locator("h1")).to_be_visible()


def test_a_server_that_refuses_or_ends(chromium: Browser, runs: Runs) -> None:
    """The page shows what the server says instead of an earlier answer, and works again when the server does."""
    with running(runs("baseline")) as server:
        assert server.application is not None
        server.application._routes["/broken"] = server.application._routes.pop("/predict")
        with visit(chromium, f"http://127.0.0.1:{server.port}/try-it.html") as visited:
            page, warnings = visited.page, visited.page.locator("#try-warnings")
            images = page.locator("#try-images button")
            expect(warnings).to_have_text("The server refused: '/predict' does not exist; see /docs for all paths.")
            server.application._routes["/predict"] = server.application._routes.pop("/broken")
            images.nth(1).click()
            expect(answer(page).locator("b")).not_to_be_empty()
            expect(warnings).to_be_empty()
            page.route("**/predict", lambda route: route.fulfill(status=502, body="<html>", content_type="text/html"))
            images.nth(2).click()
            expect(warnings).to_have_text("The server did not answer with JSON.")
            assert_no_answer(page)
            page.unroute("**/predict")
            images.nth(3).click()
            expect(answer(page).locator("b")).not_to_be_empty()
            page.context.set_offline(True)
            images.nth(4).click()
            expect(warnings).to_have_text("The server does not answer.")
            assert_no_answer(page)


def assert_no_answer(page: Page) -> None:
    """Neither the class nor its probability, the time or a bar is left of an earlier picture."""
    settle(page)
    expect(answer(page)).to_be_empty()
    expect(page.locator("#try-time")).to_be_empty()
    expect(page.locator("#try-bars .top")).to_have_count(0)
    assert {*page.locator("#try-bars span").all_inner_texts()} == {""}


def test_the_policy_of_the_served_page(chromium: Browser, runs: Runs) -> None:
    """Only the server can be asked."""
    with running(runs("baseline")) as server:
        root = f"http://127.0.0.1:{server.port}/"
        policy = server.get("/try-it.html").body.decode().split('Content-Security-Policy" content="')[1]
        assert policy.startswith("default-src 'none'; connect-src 'self'; img-src data:; style-src 'sha256-")
        with visit(chromium, f"{root}try-it.html", with_model=True) as visited, running(runs("baseline")) as other:
            attempt = f"fetch('http://127.0.0.1:{other.port}/').then(() => 'sent', () => 'refused')"
            assert visited.page.evaluate(attempt) == "refused"
            assert "Content Security Policy" in visited.messages[0]
