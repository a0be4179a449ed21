"""Is it good, is it collapsing, what next: each answer follows from numbers in the folder, and is undecided without."""

import json

import numpy as np
import pytest

from nashpath.report import write_report
from nashpath.report.animation import animation
from nashpath.report.questions import questions
from nashpath.report.read import load_run
from report_folders import folder, save

COLLAPSED = "mode collapse: the samples lie around 1 of 9 clusters, so most of the data is never generated. Slow down."
RNG = np.random.default_rng(0)
REAL = RNG.normal(size=(100, 1, 4, 4)).clip(-1, 1).astype(np.float32)


def run(path, distances, real=0.1, modes=None, spread=1.0, diagnosis=None, evaluation=None, **info):
    """One member with these sliced Wasserstein distances, samples of a spread, and what was assessed."""
    last = {"sliced_wasserstein": distances[-1]} | ({} if modes is None else {"modes": modes})
    member = {"member": 0, "seed": 0, "settings": {}, "outcome": "finished", "steps": 3000, "costs": {}}
    rows = [{"step": 300 * k, "member": 0, "sliced_wasserstein": value} for k, value in enumerate(distances)]
    folder(path, [{**member, "metrics": last}], rows, info)
    save(path, 0, m0=REAL[:9] * 0.01)
    save(path, 1500, m0=REAL[:9] * spread)
    save(path, 3000, m0=REAL[:9] * spread)
    numbers = {"real.sliced_wasserstein": real} | ({} if modes is None else {"real.modes": 8.0})
    np.savez(path / "reference.npz", real=REAL, **{k: np.array(v) for k, v in numbers.items()})
    for name, found in (("diagnosis", diagnosis), ("evaluation", evaluation)):
        if found is not None:
            (path / f"{name}.json").write_text(json.dumps(found))
    return path


def answers(path):
    return {one.question: (one.word, one.text) for one in questions(load_run(path))}


def diagnosed(findings=(), play="closes in", **numbers):
    where = {"member": 0, "step": 3000, "headline": "so", "point": "undecided", "play": play, "statements": []}
    said = [{"code": code, "sentence": sentence, "figures": []} for code, sentence in findings]
    return {"members": [{**where, "findings": said, "numbers": numbers}]}


@pytest.mark.parametrize(
    ("distances", "word", "text"),
    [([1.1, 0.5, 0.1], "yes", "100 %"), ([1.1, 0.8, 0.6], "not yet", "50 %"), ([1.1, 1.1, 1.2], "no", "-10 %")],
)
def test_good_is_the_share_of_the_way_to_real_samples(distances, word, text, tmp_path):
    found = answers(run(tmp_path / "run", distances))["Is it good?"]
    assert found[0] == word
    assert f"it has gone {text} by sliced Wasserstein" in found[1]


@pytest.mark.parametrize(
    ("known", "word", "text"),
    [
        ({"modes": 8}, "no", "8 of 8 modes"),
        ({"modes": 6}, "partly", "6 of 8 modes"),
        ({"modes": 2}, "yes", "2 of 8 modes"),
        ({"spread": 0.2}, "yes", "20 % as much"),
        ({"spread": 1.0}, "undecided", "rules out the grossest alone"),
        ({"diagnosis": diagnosed(spread=0.93, growing=False)}, "no", "93 % as far as the data (diagnosis)"),
        (
            {
                "diagnosis": diagnosed(
                    [
                        (
                            "mode collapse",
                            COLLAPSED,
                        )
                    ]
                )
            },
            "yes",
            "the samples lie around 1 of 9 clusters (diagnosis)",
        ),
        ({"evaluation": {"groups": [{"numbers": [{"name": "recall", "mean": 0.3, "real": 0.8}]}]}}, "partly", "30 %"),
        ({"evaluation": {"groups": [{"numbers": [{"name": "recall", "mean": 0.7, "real": 0.8}]}]}}, "no", "70 %"),
        (
            {"evaluation": {"groups": [{"numbers": [{"name": "recall", "mean": 0.0, "real": 0.8}]}]}},
            "undecided",
            "elsewhere",
        ),
    ],
)
def test_collapse_is_read_from_the_best_number_there_is(known, word, text, tmp_path):
    found = answers(run(tmp_path / "run", [1.0, 0.5], **known))["Is it collapsing?"]
    assert found[0] == word
    assert text in found[1]


@pytest.mark.parametrize(
    ("halfway", "word", "text"),
    [(0.1, "undecided", "more than at step 1,500 (10 %)"), (0.2, "yes", "20 %"), (None, "undecided", "would tell")],
)
def test_samples_still_spread_by_those_of_half_the_way_never_of_the_start(halfway, word, text, tmp_path):
    path = run(tmp_path / "run", [1.0, 0.5], spread=0.2)
    (path / "samples" / "step-00001500.npz").unlink()
    if halfway is not None:
        save(path, 1500, m0=REAL[:9] * halfway)
    found = answers(path)["Is it collapsing?"]
    assert found[0] == word
    assert text in found[1]


IMPROVING, STILL = [1.0 - 0.08 * k for k in range(12)], [1.0, 0.3, *[0.2] * 10]


@pytest.mark.parametrize(
    ("distances", "known", "word", "text"),
    [
        (STILL, {}, "diagnose it", "nothing was tried yet"),
        (IMPROVING, {}, "train on", "was still improving, by 27 % of its range"),
        (IMPROVING, {"status": "stopped"}, "train on", "not at its last step"),
        (STILL, {"diagnosis": diagnosed(play="still moving")}, "train on", "play is still moving"),
        (STILL, {"diagnosis": diagnosed()}, "undecided", "the numbers stand still"),
        (STILL[:3], {"diagnosis": diagnosed()}, "undecided", "too few evaluations"),
        (STILL, {"diagnosis": diagnosed([("rotation", "rotation: so")])}, "see the diagnosis", "it found: rotation"),
        (
            STILL,
            {"diagnosis": diagnosed([("rotation", "so")], tried=[{"change": "R1 of 1", "motion": "closes in"}])},
            "R1 of 1",
            "tried from here",
        ),
    ],
)
def test_what_next_is_what_was_tried_or_what_the_numbers_say(distances, known, word, text, tmp_path):
    found = answers(run(tmp_path / "run", distances, **known))["What next?"]
    assert found[0] == word
    assert text in found[1]


def test_the_answers_stand_at_the_top_of_the_page_and_the_nearest_real_images_beside_samples(tmp_path):
    path = run(tmp_path / "run", [1.0, 0.5])
    film = animation(load_run(path))
    assert film["nearest"][0] is not None
    assert film["among"] == 100
    assert film["nearest"] == [film["sheets"][-1][0]]  # these samples are real images themselves
    page = write_report(path).read_text()
    places = [page.index(f"<dt>{question}</dt>") for question in answers(path)]
    assert page.index('id="verdict"') < places[0] < places[1] < places[2] < page.index('id="samples"')


def test_a_diagnosis_of_one_member_does_not_speak_for_the_others(tmp_path):
    """One of two covers all modes and was diagnosed; of the other nothing was asked, and it covers none."""
    path = run(tmp_path / "run", [1.1, 0.1], modes=8, diagnosis=diagnosed(spread=0.98, growing=False))
    members = json.loads((path / "members.json").read_text())
    other = {**members[0], "member": 1, "seed": 1, "metrics": {**members[0]["metrics"], "modes": 0}}
    (path / "members.json").write_text(json.dumps([*members, other]))
    found = answers(path)
    told = "0 of 8 modes: the generator has not found the data in the worst of 2 members"
    assert found["Is it collapsing?"] == ("yes", told)
    assert found["What next?"] == (
        "diagnose the others",
        "the diagnosis of member 0 found nothing wrong, and others collapse: nashpath diagnose --member 1",
    )
    other["metrics"]["modes"] = 8
    (path / "members.json").write_text(json.dumps([*members, other]))
    assert answers(path)["Is it collapsing?"] == ("no", "8 of 8 modes in the worst of 2 members")
    assert "diagnosis of member 0" in answers(path)["What next?"][1]
