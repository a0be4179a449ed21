"""Every page is opened in a real browser: no console error, no request, pictures drawn, nothing injected runs."""

import json
import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest

import report_folders as folders
from nashpath.report import compare_reports, load_run, write_report, write_search
from nashpath.report.animation import animation
from nashpath.run import open_session
from nashpath.run.assess.search import Candidate, Found
from nashpath.run.assess.search_question import Question
from run_folders import SMALL

pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
from playwright.sync_api import Browser, Page, sync_playwright

ARGUMENTS = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-background-networking", "--no-first-run"]
MAKERS: dict[str, Callable[[Path], Path]] = {
    "ring": folders.ring_folder,
    "digits": folders.digits_folder,
    "toy": folders.toy_folder,
    "hostile": folders.hostile_folder,
}
READ = """canvas => { const copy = document.createElement('canvas');
  copy.width = canvas.width; copy.height = canvas.height;
  const context = copy.getContext('2d', {willReadFrequently: true}); context.drawImage(canvas, 0, 0);
  return context.getImageData(0, 0, copy.width, copy.height).data; }"""
PIXELS = f"canvas => ({READ})(canvas).reduce((sum, v) => (sum * 31 + v) % 1000003, 0)"
COLOURS = f"""canvas => {{ const d = ({READ})(canvas), seen = new Set();
  for (let i = 0; i < d.length; i += 4) if (d[i + 3] > 200) seen.add(d.slice(i, i + 3).join()); return seen.size; }}"""
PIXEL = f"(canvas, [x, y]) => [...({READ})(canvas).slice(4 * (y * canvas.width + x)).slice(0, 3)]"


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    found = shutil.which("chromium")
    if found is None:
        message = "no executable called chromium is on the PATH; install the package of that name to run these tests"
        if os.environ.get("CI", "").lower() == "true":
            pytest.fail(message)
        pytest.skip(message)
    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=found, args=ARGUMENTS)
        yield started
        started.close()


@contextmanager
def opened(browser: Browser, path: Path, width: int = 1200, scheme: str = "light") -> Iterator[Page]:
    """The page, open; on leaving, checks that nothing was logged, thrown or asked of a network, and nothing ran."""
    context = browser.new_context(viewport={"width": width, "height": 900}, color_scheme=scheme)
    page = context.new_page()
    trouble: list[str] = []
    page.on("console", lambda message: trouble.append(f"console {message.type}: {message.text}"))
    page.on("pageerror", lambda error: trouble.append(f"error: {error}"))
    page.on("dialog", lambda dialog: trouble.append(f"dialog: {dialog.message}"))
    page.on(
        "request", lambda request: trouble.append(f"request: {request.url}") if _foreign(request.url, path) else None
    )
    page.goto(path.as_uri())
    yield page
    assert page.evaluate("window.broken") is None
    assert page.evaluate("document.documentElement.scrollWidth - window.innerWidth") <= 0
    context.close()
    assert trouble == []


def _foreign(url: str, path: Path) -> bool:
    return not url.startswith("data:") and url != path.as_uri()


def slide(page: Page, frame: int) -> None:
    page.locator("#frame").evaluate("(s, v) => { s.value = v; s.dispatchEvent(new Event('input')); }", str(frame))


@pytest.mark.long(first=True)
@pytest.mark.parametrize("name", MAKERS)
def test_page_is_quiet_in_either_look_and_draws_its_curves(browser: Browser, tmp_path: Path, name: str) -> None:
    path = write_report(MAKERS[name](tmp_path / name))
    for width, scheme in ((1200, "light"), (360, "dark")):
        with opened(browser, path, width, scheme) as page:
            for canvas in page.locator("#charts canvas").all():
                assert canvas.evaluate(COLOURS) > 2
            page.locator("#log").check()
            assert page.locator("#charts canvas").count() == page.locator(".chart").count() > 0


@pytest.mark.long(first=True)
@pytest.mark.parametrize("name", ["ring", "toy"])
def test_moving_the_slider_and_playing_change_the_canvas(browser: Browser, tmp_path: Path, name: str) -> None:
    with opened(browser, write_report(MAKERS[name](tmp_path / name))) as page:
        assert page.locator("#picture").evaluate(COLOURS) > 20
        last = page.locator("#picture").evaluate(PIXELS)
        slide(page, 1)
        early = page.locator("#picture").evaluate(PIXELS)
        assert early != last
        said = page.locator(".player output").text_content()
        page.locator("#play").click()
        page.wait_for_function("said => document.querySelector('.player output').textContent !== said", arg=said)
        assert page.locator("#picture").evaluate(PIXELS) != early
        page.locator("#play").click()
        assert "Play" in page.locator("#play").inner_text()


def test_members_are_chosen_and_a_diverged_one_is_told(browser: Browser, tmp_path: Path) -> None:
    with opened(browser, write_report(folders.ring_folder(tmp_path / "ring"))) as page:
        first = page.locator("#picture").evaluate(PIXELS)
        page.locator("#member").select_option(index=2)
        assert page.locator("#picture").evaluate(PIXELS) != first
        assert "512 more are not finite" in page.locator("#film").inner_text()
        assert "member 2 (seed 2; discriminator at step 412)" in page.locator(".verdict").inner_text()


def test_points_stand_where_they_were_saved(browser: Browser, tmp_path: Path) -> None:
    path = folders.folder(tmp_path / "one", [{"member": 0}], [])
    level = np.zeros((3, 3)) + np.array([-1.0, 0.0, 1.0])[:, None]
    folders.save(path, 0, m0=np.full((4, 2), [1.0, -1.0]), level0=level, extent=[-2, 2, -2, 2])
    with opened(browser, write_report(path)) as page:
        picture = page.locator("#picture")
        side = picture.evaluate("canvas => canvas.width")
        assert side == picture.evaluate("canvas => parseFloat(canvas.style.width)") == 600

        def redness(x: float, y: float) -> int:
            pixel = [round(52 + (x + 2) / 4 * (side - 60)), round(side - 52 - (y + 2) / 4 * (side - 60))]
            red, _, blue = picture.evaluate(PIXEL, pixel)
            return red - blue

        assert redness(1, -1) > 100
        assert redness(-1.5, 1.9) < -20
        assert redness(-1.5, -1.9) > 20


def test_sheets_of_images_change_with_step_and_member(browser: Browser, tmp_path: Path) -> None:
    with opened(browser, write_report(folders.digits_folder(tmp_path / "digits"))) as page:
        sources = [page.locator("#sheet").get_attribute("src")]
        nearest = page.locator("figure", has_text="The nearest to each, in pixels, of")
        assert nearest.is_visible()
        slide(page, 2)
        assert nearest.is_hidden()  # they are those of the last step's samples
        sources.append(page.locator("#sheet").get_attribute("src"))
        page.locator("#member").select_option(index=1)
        sources.append(page.locator("#sheet").get_attribute("src"))
        assert len(set(sources)) == 3
        page.wait_for_function("[...document.images].every(image => image.complete && image.naturalWidth === 73)")
        assert page.locator("img").count() == 3


def test_settings_switch_off_and_the_cursor_is_read(browser: Browser, tmp_path: Path) -> None:
    with opened(browser, write_report(folders.digits_folder(tmp_path / "digits"))) as page:
        labels = page.locator("#strands label")
        assert labels.all_inner_texts() == ["penalty.weight = 0.1", "penalty.weight = 10"]
        page.locator(".u-over").first.hover()
        assert page.locator(".reading").first.inner_text().count("penalty.weight") == 2
        labels.first.locator("input").uncheck()
        page.mouse.move(0, 0)
        page.locator(".u-over").first.hover()
        assert "= 0.1:" not in page.locator(".reading").first.inner_text()


def test_curves_are_drawn_against_what_they_cost(browser: Browser, tmp_path: Path) -> None:
    members = [{"member": m, "seed": 0, "settings": {"solver": s}} for m, s in enumerate("ab")]
    rows = [
        {"step": k, "member": m, "gradients": k * (2 + 2 * m), "train_seconds": k / 10, "fid": float(k + 100 * m)}
        for k in range(31)
        for m in range(2)
    ]
    with opened(browser, write_report(folders.folder(tmp_path / "run", members, rows))) as page:
        charts = page.locator("#charts canvas")
        drawn = [charts.evaluate(PIXELS)]
        for axis in ("gradients", "train_seconds"):
            page.locator("#against").select_option(axis)
            drawn.append(charts.evaluate(PIXELS))
            assert charts.evaluate(COLOURS) > 2
        assert len(set(drawn)) == 3
        page.locator("#against").select_option("gradients")
        page.locator(".u-over").hover()
        said = page.locator(".reading").inner_text()
        assert said == "60 gradient evaluations · solver = a: 30 [30, 30] · solver = b: 115 [115, 115]"


def test_a_click_sorts_by_number_and_a_second_turns_it_round(browser: Browser, tmp_path: Path) -> None:
    path = folders.folder(tmp_path / "many", [], [])
    members = [
        {"member": m, "seed": s, "metrics": {"fid": f}} for m, (s, f) in enumerate(zip((9, 10, 2), (1, None, 0.5)))
    ]
    (path / "members.json").write_text(json.dumps(members))
    with opened(browser, write_report(path)) as page:

        def column(place: int) -> list[str]:
            return page.locator(f"table.sortable tbody td:nth-child({place})").all_inner_texts()

        page.get_by_role("button", name="Seed").click()
        assert column(2) == ["2", "9", "10"]
        page.get_by_role("button", name="Seed").click()
        assert column(2) == ["10", "9", "2"]
        assert page.locator(".sortable th", has_text="Seed").get_attribute("aria-sort") == "descending"
        page.get_by_role("button", name="FID").click()
        assert column(5) == ["0.5", "1", "–"]


def test_markup_in_a_run_is_shown_as_text(browser: Browser, tmp_path: Path) -> None:
    path = folders.hostile_folder(tmp_path / "hostile")
    compared = compare_reports([path, folders.toy_folder(tmp_path / "toy")], tmp_path / "compare.html")
    with opened(browser, write_report(path)) as page:
        assert page.locator("h1").text_content() == folders.HOSTILE
        assert page.locator("script").count() == 2
        assert page.locator("img").count() == 0
    with opened(browser, compared) as page:
        assert folders.HOSTILE in (page.locator("table").first.text_content() or "")
        assert page.locator("script").count() == 2


def test_the_policy_of_the_page_stops_a_script_that_was_slipped_in(browser: Browser, tmp_path: Path) -> None:
    path = write_report(folders.toy_folder(tmp_path / "toy"))
    path.write_text(path.read_text().replace("</main>", "<script>window.broken = 1</script></main>"))
    context = browser.new_context()
    page = context.new_page()
    page.goto(path.as_uri())
    assert page.evaluate("window.broken") is None
    context.close()


@pytest.mark.long(first=True)
@pytest.mark.parametrize(
    "missing", ["run.json", "members.json", "metrics.jsonl", "config.toml", "samples", "reference.npz"]
)
def test_any_missing_piece_leaves_a_page(browser: Browser, tmp_path: Path, missing: str) -> None:
    path = folders.ring_folder(tmp_path / "ring", steps=2)
    gone = path / missing
    shutil.rmtree(gone) if gone.is_dir() else gone.unlink()
    with opened(browser, write_report(path)) as page:
        assert page.locator("h2").count() == 6
        told = page.locator(".absent").all_inner_texts()
        assert missing in {"members.json", "reference.npz"} or any(missing in sentence for sentence in told)


def test_extreme_and_constant_curves_are_drawn(browser: Browser, tmp_path: Path) -> None:
    rows = [
        {
            "step": k,
            "member": 0,
            "cost.a": 1.0,
            "cost.b": (-10.0) ** (k % 60 - 30),
            "cost.c": 0.0,
            "gradient_norm.a": 1e-30,
        }
        for k in range(1000)
    ]
    lone = {"step": 5, "member": 0, "fid": 3.0, "broken": None, "worse": float("nan"), "listed": [1, 2]}
    with opened(browser, write_report(folders.folder(tmp_path / "odd", [{"member": 0}], [*rows, lone]))) as page:
        assert page.locator(".chart").count() == 5
        page.locator("#log").check()
        assert page.locator("#charts canvas").count() == 5
        assert "pools up to 3 logged steps" in page.locator("#charts").inner_text()
        assert page.locator("#charts canvas").last.evaluate(COLOURS) > 2


@pytest.mark.long
def test_comparison_lays_runs_side_by_side(browser: Browser, tmp_path: Path) -> None:
    runs = [folders.ring_folder(tmp_path / "ring"), folders.digits_folder(tmp_path / "digits")]
    write_report(runs[0])
    path = compare_reports(runs, tmp_path / "pages" / "compare.html")
    for width in (1200, 360):
        with opened(browser, path, width) as page:
            headings = [text.strip() for text in page.locator("th").all_inner_texts()]
            assert headings[:2] == ["Run", "penalty.weight"]
            assert page.locator("tbody tr").count() == 3
            assert page.locator("tbody a").get_attribute("href") == "../ring/report.html"
            assert page.locator("#strands label").count() == 3
            for canvas in page.locator("#charts canvas").all():
                assert canvas.evaluate(COLOURS) > 2


def sections(page: Page) -> list[str]:
    return page.locator("main > section h2").evaluate_all("all => all.map(one => one.id)")


def test_the_outcome_is_first_then_samples_and_the_diagnosis_and_the_index_names_all(browser: Browser, tmp_path: Path):
    path = folders.ring_folder(tmp_path / "ring")
    with opened(browser, write_report(path)) as page:
        found = sections(page)
        assert found[:2] == ["verdict", "samples"]
        named = page.locator("nav.contents a").evaluate_all("all => all.map(one => one.getAttribute('href').slice(1))")
        assert named == found
        assert page.locator("nav.contents").evaluate("n => n.getBoundingClientRect().bottom") < 900


def test_settings_at_their_defaults_are_folded_and_numbers_are_explained(browser: Browser, tmp_path: Path) -> None:
    session = open_session({"penalty": {"kind": "r1", "weight": 3.5}, "steps": 4, **SMALL}, {}, tmp_path / "run")
    session.train()
    with opened(browser, write_report(tmp_path / "run")) as page:
        shown = page.locator("section[aria-labelledby=settings] > .scroll th").all_inner_texts()
        assert {"data.kind", "penalty.kind", "penalty.weight", "steps"} <= set(shown)
        assert not {"data.modes", "solver.kind", "tensorboard", "solver.generator.b1"} & set(shown)
        assert page.locator("section[aria-labelledby=settings] details th", has_text="solver.generator.b1").count() == 1
        assert "four deviations" in str(page.get_by_role("button", name="High quality").first.get_attribute("title"))
        assert "four deviations" in str(page.locator(".meanings").text_content())
        page.get_by_role("button", name="High quality").first.focus()
        page.keyboard.press("Enter")
        assert page.locator("th[aria-sort=ascending]").inner_text().startswith("High quality")


def test_the_axis_of_modes_reaches_to_their_number_and_shares_are_in_percent(tmp_path: Path) -> None:
    text = write_report(folders.ring_folder(tmp_path / "ring")).read_text()
    data = json.loads(text.split('<script type="application/json" id="data">')[1].split("</script>")[0])
    tops = {chart["key"]: (chart["top"], chart["share"]) for chart in data["curves"]["charts"]}
    assert tops["modes"] == (8, False)
    assert tops["cost.generator"] == (None, False)
    assert "93 %" in text


@pytest.mark.long
def test_every_number_of_a_member_is_in_sight_on_a_phone_and_a_comparison_fits_a_screen(
    browser: Browser, tmp_path: Path
) -> None:
    ring, toy = folders.ring_folder(tmp_path / "ring"), folders.toy_folder(tmp_path / "toy")
    with opened(browser, write_report(ring), 390) as page:
        for cell in page.locator("section[aria-labelledby=members] td").all():
            box = cell.bounding_box()
            assert box is None or box["x"] + box["width"] <= 390
        lone = "all => all.filter(e => e.innerText && !e.children.length)"
        sizes = f"all => ({lone})(all).map(e => parseFloat(getComputedStyle(e).fontSize))"
        assert min(page.locator("main *").evaluate_all(sizes)) >= 12.9
    with opened(browser, compare_reports([ring, toy], tmp_path / "compare.html"), 1400) as page:
        for wide in page.locator(".scroll").all():
            assert wide.evaluate("box => box.scrollWidth - box.clientWidth") <= 0


def test_the_page_of_a_search_fits_a_phone_explains_its_numbers_and_has_an_index(browser: Browser, tmp_path: Path):
    asked = Question({}, {"penalty": ["none", "r1"]}, "sliced_wasserstein", -1, 2, 2, 1, seeds=[0, 1])
    tried = [Candidate(k, {"penalty": kind}, [[1.0 + k, 2.0]], [40.0]) for k, kind in enumerate(("none", "r1"))]
    path, _ = write_search(tmp_path, Found(asked, tried, [], False))
    with opened(browser, path, 390) as page:  # which asks that nothing is wider than the page
        assert page.locator("section img").evaluate("i => [i.width, i.parentElement.clientWidth < 390]") == [620, True]
        assert "less is better" in str(page.get_by_role("button", name="Sliced Wasserstein").get_attribute("title"))
        named = page.locator("nav.contents a").evaluate_all("all => all.map(one => one.getAttribute('href').slice(1))")
        assert named == sections(page)


def test_print_has_no_controls(browser: Browser, tmp_path: Path) -> None:
    with opened(browser, write_report(folders.ring_folder(tmp_path / "ring"))) as page:
        assert page.locator("#play").is_visible()
        page.emulate_media(media="print")
        for control in ("#play", "#frame", ".toggle", ".hint", "nav.contents", "details:not([open])"):
            assert not any(one.is_visible() for one in page.locator(control).all()), control
        assert page.locator("#picture").is_visible()


THE_OTHER_LOOK = pytest.mark.thorough("the same pages in this look, and in this width, are among the two that stay")


@pytest.mark.long
@pytest.mark.parametrize(
    ("width", "scheme"),
    [
        (1400, "light"),
        (390, "dark"),
        pytest.param(1400, "dark", marks=THE_OTHER_LOOK),
        pytest.param(390, "light", marks=THE_OTHER_LOOK),
    ],
)
def test_axe_finds_nothing(browser: Browser, tmp_path: Path, width: int, scheme: str) -> None:
    axe = pytest.importorskip("axe_playwright_python.sync_playwright", reason="axe is not installed")
    ring, toy = folders.ring_folder(tmp_path / "ring"), folders.toy_folder(tmp_path / "toy")
    pages = [write_report(ring), write_report(toy), compare_reports([ring, toy], tmp_path / "compare.html")]
    for path in pages:
        context = browser.new_context(viewport={"width": width, "height": 900}, color_scheme=scheme, bypass_csp=True)
        page = context.new_page()
        page.goto(path.as_uri())
        page.locator("details").evaluate_all("all => all.forEach(one => one.open = true)")
        assert page.locator("#charts canvas").count() > 0
        assert [fault["id"] for fault in axe.Axe().run(page).response["violations"]] == [], path.name
        context.close()


@pytest.mark.long
def test_a_path_that_turns_too_far_between_steps_is_drawn_as_points(tmp_path: Path) -> None:
    turns = {"fine": 0.1, "coarse": 1.9}
    for name, turn in turns.items():
        path = folders.folder(tmp_path / name, [{"member": 0}], [])
        for step in range(20):
            folders.save(path, step, p0=np.array([np.cos(turn * step), np.sin(turn * step)]))
        film = animation(load_run(path))
        assert film is not None
        assert film["coarse"] == [name == "coarse"]
        assert film["axes"] == ["the generator's strategy", "the discriminator's strategy"]
