"""Pages of reproductions: figures show the rows, pages stand alone, the command says what was found."""

import json
import re
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from nashpath.cli import app
from nashpath.report import write_results
from nashpath.report.draw import as_png, draw_claim, draw_figure
from nashpath.report.page import marked
from nashpath.report.reproduction import found_text, tally
from nashpath.studies import Cloud, Heat, Lines, Strip

OWN = Path(__file__).parent.parent / "examples" / "own_study.py"
ROWS = [
    {
        "seed": s,
        "method": m,
        "rate": r,
        "v": v * r * (1 + s),
        "t": [1, 2, 4],
        "c": [v + s, v, v / 2],
        "p": [[s, v], [v, s]],
    }
    for m, v in (("ns", 1.0), ("gp", 4.0))
    for r in (0.1, 10.0)
    for s in (0, 1, 2)
]


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("the defaults of `nashpath train`.", "the defaults of <code>nashpath train</code>."),
        ("`a < b` & ``x`y``", "<code>a &lt; b</code> &amp; <code>x`y</code>"),
        ("one ` alone <b>", "one ` alone &lt;b&gt;"),
        ("", ""),
    ],
)
def test_code_is_marked_up_and_the_rest_escaped(text, shown):
    assert marked(text) == shown


def axes_of(figure, rows=ROWS):
    canvas = draw_figure(figure, rows)
    assert as_png(canvas).startswith(b"\x89PNG")
    return canvas.axes


def test_a_strip_has_a_dot_a_row_and_the_mean():
    (axes,) = axes_of(Strip("t", y="v", by=("method",), where={"rate": 10.0}))
    dots = [line for line in axes.lines if line.get_linestyle() == "None"]
    bars = [line for line in axes.lines if line.get_linestyle() == "-"]
    assert [list(line.get_xdata()) for line in dots] == [[10.0, 20.0, 30.0], [40.0, 80.0, 120.0]]
    assert [line.get_xdata()[0] for line in bars] == [20.0, 80.0]
    assert [label.get_text() for label in axes.get_yticklabels()] == ["ns", "gp"]


def test_a_logarithmic_strip_has_the_geometric_mean():
    (axes,) = axes_of(Strip("t", y="v", by=("method",), where={"rate": 10.0}, log=True, target=8.0))
    bars = [line for line in axes.lines if line.get_linestyle() == "-"]
    assert bars[0].get_xdata()[0] == pytest.approx((10.0 * 20 * 30) ** (1 / 3))
    assert axes.get_xscale() == "log"


@pytest.mark.long(first=True)
@pytest.mark.parametrize(("x", "y"), [("t", "c"), ("rate", "v")])
def test_lines_are_medians(x, y):
    (axes,) = axes_of(Lines("t", x=x, y=y, by=("method",), log_x=True))
    line = axes.lines[0]
    part = [row for row in ROWS if row["method"] == "ns"]
    at = {"c": lambda place: [row["c"][place] for row in part], "v": None}[y]
    places = [1, 2, 4] if x == "t" else [0.1, 10.0]
    assert list(line.get_xdata()) == places
    values = [at(k) if at else [row["v"] for row in part if row["rate"] == r] for k, r in enumerate(places)]
    np.testing.assert_allclose(line.get_ydata(), [np.median(v) for v in values])
    assert [text.get_text() for text in axes.get_legend().get_texts()] == ["ns", "gp"]


def test_a_heat_map_has_the_mean_of_each_cell():
    panels = axes_of(Heat("t", x="rate", y="seed", value="v", by="method", log=True))
    texts = [float(text.get_text()) for text in panels[0].texts]
    np.testing.assert_allclose(texts, [0.1, 10, 0.2, 20, 0.3, 30])
    assert [axes.get_title() for axes in panels[:2]] == ["ns", "gp"]


def test_a_cloud_has_the_points_of_the_first_row():
    panels = axes_of(Cloud("t", points="p", by=("method", "rate"), real="p"))
    assert [axes.get_title() for axes in panels] == ["ns, rate 0.1", "ns, rate 10", "gp, rate 0.1", "gp, rate 10"]
    np.testing.assert_array_equal(panels[0].collections[1].get_offsets(), [[0, 1], [1, 0]])


def test_a_figure_without_rows_says_so():
    with pytest.raises(KeyError, match="no row has"):
        draw_figure(Strip("t", y="v", by=("method",), where={"method": "x"}), ROWS)


def test_a_claim_is_drawn_with_its_range():
    claim = {"values": [1.0, 2.0, 3.0], "mean": 2.0, "interval": [1.5, 2.5], "accept": [None, 4.0], "exact": False}
    (axes,) = draw_claim({**claim, "verdict": "supported"}).axes
    left, right = axes.get_xlim()
    assert left < 1.0 < 4.0 < right
    assert [list(line.get_xdata()) for line in axes.lines] == [[1.0, 2.0, 3.0], [1.5, 2.5], [2.0]]
    assert draw_claim({**claim, "verdict": "refuted", "exact": True}) is None


def run(*arguments):
    return CliRunner().invoke(app, ["reproduce", *map(str, arguments)])


@pytest.mark.long
def test_the_command_from_claim_to_page(tmp_path):
    small = ("--quick", "--workers", "1", "-s", "steps=2", "-s", "seeds=1", "--out", tmp_path)
    result = run(OWN, *small)
    assert result.exit_code == 0, result.output
    assert "no verdicts at quick scale" in result.stdout
    assert "inconclusive" not in result.stdout
    page = Path(result.stdout.split()[-1])
    text = page.read_text()
    assert "No verdict" in text
    shown = re.sub(r"<(script|style)[^>]*>.*?</\1>", "", text, flags=re.S)
    assert "the defaults of <code>nashpath train</code>" in shown
    assert "`" not in shown
    assert not re.search("inconclusive|supported|refuted", re.sub("<style>.*</style>", "", text, flags=re.S))
    assert text.count('<img src="data:image/png;base64,') == 1
    assert not re.search(r"(src|href)=\"(?!data:|#)", text)
    page.unlink()
    assert CliRunner().invoke(app, ["report", str(page.parent)]).exit_code == 0
    assert page.read_text() == text
    again = run(OWN, *small, "--json")
    found = json.loads(again.stdout)
    assert found["studies"][0]["claims"][0]["verdict"] == "not judged"
    assert found["pages"] == [str(page)]


@pytest.mark.long
def test_several_studies_make_a_page_of_results(tmp_path):
    other = tmp_path / "other.py"
    other.write_text(OWN.read_text().replace('name="penalty-on-the-ring"', 'name="again"'))
    small = ("--quick", "--workers", "1", "-s", "steps=2", "-s", "seeds=1", "--out", tmp_path / "r")
    result = run(OWN, other, *small)
    assert result.exit_code == 0, result.output
    text = (tmp_path / "r" / "results.md").read_text()
    assert "| again | A question of our own | – | – | 1 not judged | – |" in text
    assert "**not judged** | With DRAGAN's penalty" in text
    for picture in re.findall(r"\((figures/[^)]+)\)", text):
        assert (tmp_path / "r" / picture).exists()
    folders = [tmp_path / "r" / name for name in ("penalty-on-the-ring", "again")]
    assert write_results(folders, tmp_path / "elsewhere" / "results.md").read_text() == text


TINY = """
from __future__ import annotations
from dataclasses import dataclass
import numpy as np
from nashpath.studies import Claim, Experiment, Size, Strip, Study

@dataclass
class Found:
    value: float

def measure(cell, size):
    if cell["kind"] == "broken":
        raise ValueError("no [data] here")
    for seed in range(size.seeds):
        number = np.float32(1.0) if cell["kind"] == "numpy" else Found(float("nan") if seed == 1 else 1.0).value
        yield {"seed": seed, "v": number}

def experiment(name, *kinds):
    figures = [Strip("t", y="v", by=("kind",), where={"kind": "broken"})]
    return Experiment(name, "a", measure, {"quick": Size(4)}, [{"kind": kind} for kind in kinds], figures)

def claim(name):
    return Claim(name, "says [so]", "src", name, "q", lambda rows: list(rows.by_seed("v").values()), low=0.0)

EXPERIMENTS = [experiment("lost", "sound"), experiment("half", "sound", "broken"), experiment("odd", "numpy")]
STUDY = Study("tiny", "T", "P", EXPERIMENTS, [claim(e.name) for e in EXPERIMENTS])
"""


def test_failed_cells_and_lost_numbers_end_in_words(tmp_path):
    """A number that is not finite, a cell that fails, rows of no plain values: each is told, none ends it all."""
    files = [tmp_path / f"{name}.py" for name in ("tiny", "other")]
    for file in files:
        file.write_text(TINY.replace('"tiny"', f'"{file.stem}"'))
    result = run(*files, "--quick", "--workers", "1", "--out", tmp_path / "r")
    assert result.exit_code == 1, result.output
    assert "failed: tiny: half kind=broken: ValueError: no [data] here" in result.output
    assert "failed: tiny: odd kind=numpy: TypeError" in result.output
    assert "says [so]" in result.output
    found = json.loads((tmp_path / "r" / "tiny" / "study.json").read_text())
    assert [claim["verdict"] for claim in found["claims"]] == ["not judged", "not measured", "not measured"]
    text = (tmp_path / "r" / "results.md").read_text()
    assert "at quick scale" in text
    assert "default scale" not in text


def test_mistakes_end_in_a_sentence(tmp_path):
    for arguments, message in (
        (("monoflo",), "Did you mean 'monoflow'"),
        ((OWN, "--quick", "--full"), "exclude each other"),
        ((OWN, "--quick", "-s", "sed=1", "--out", tmp_path), "Did you mean 'seeds'"),
        ((OWN, "--full", "--out", tmp_path / "f"), "no experiment at full scale"),
        ((OWN, "--quick", "-s", "seeds=0:4", "--out", tmp_path), "seeds = 0:4: expected a whole number"),
        ((OWN, OWN, "--quick", "--out", tmp_path), "given twice"),
    ):
        result = run(*arguments)
        assert result.exit_code == 2
        assert message in result.output


def test_words_for_what_was_found():
    claim = {
        "mean": 0.5,
        "interval": [0.25, 0.75],
        "values": [0.25, 0.75],
        "exact": False,
        "note": "",
        "verdict": "refuted",
    }
    assert found_text(claim) == "0.5 [0.25, 0.75] over 2 seeds"
    assert found_text({**claim, "exact": True}) == "0.25 to 0.75 (2 values)"
    assert found_text({**claim, "mean": None, "note": "missing"}) == "missing"
    assert tally([claim, {**claim, "verdict": "supported"}, claim]) == "3 claims: 1 supported and 2 refuted"
    test = {**claim, "kind": "identity", "name": "sum", "verdict": "supported"}
    assert tally([claim, test]) == "1 claim: 1 refuted; 1 identity holds"
    assert tally([test, {**test, "verdict": "refuted"}]) == "1 identity holds, sum not"


@pytest.mark.long
def test_the_page_begins_with_verdicts_and_tells_kinds_apart(tmp_path):
    """An index of what was found, a table for each kind, identities in a fold; every link leads to a place."""
    text = (
        OWN.read_text()
        .replace('"quick": Size(', '"default": Size(', 1)
        .replace('"default": Size(seeds=16', '"full": Size(9')
    )
    own = '"arithmetic", "Sums add up.", "us", "ring", "q", lambda rows: [0.0], low=-1.0, exact=True, kind="identity"'
    claims = f"claims=[Claim({own}),"
    (tmp_path / "own.py").write_text(text.replace("claims=[", claims))
    assert run(tmp_path / "own.py", "--workers", "1", "-s", "steps=2", "--out", tmp_path / "r").exit_code == 0
    page = (tmp_path / "r" / "penalty-on-the-ring" / "report.html").read_text()
    assert page.index("Verdicts</h2>") < page.index('id="claim-more-modes"') < page.index('id="identity"')
    assert page.index('id="identity"') < page.index('id="claim-arithmetic"') < page.index('id="experiment-ring"')
    assert "1 claim: 1 inconclusive; 1 identity holds" in page or "1 claim: 1 refuted; 1 identity holds" in page
    places = set(re.findall(r'id="([^"]+)"', page))
    links = set(re.findall(r'href="#([^"]+)"', page))
    assert links <= places
    assert "claim-more-modes" in links
