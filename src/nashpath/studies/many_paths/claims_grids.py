"""Claims about robustness on digits, in grey and in colour."""

import math
from collections.abc import Callable

import numpy as np

from nashpath.studies.claim import Claim
from nashpath.studies.many_paths.gan_variants import PENALISED, TITLES
from nashpath.studies.reading import Pool, Values, log_ratio, versus
from nashpath.studies.rows import Row, Rows, paired

STATISTICS: dict[str, Pool] = {"best": min, "median": np.median, "worst": max}


def fid_ratio(above: str, below: str, pool: Pool, **where: object) -> Values:
    """The natural log of FID of one method over another, each a statistic over the grid, by seed."""
    return versus("fid", {"method": above, **where}, {"method": below, **where}, log_ratio, pool)


def at_best(rows: Rows, value: Callable[[Row], float]) -> dict[int, float]:
    """``value`` of the row with the smallest FID of each seed."""
    best: dict[int, Row] = {}
    for row in rows:
        if row["seed"] not in best or row["fid"] < best[row["seed"]]["fid"]:
            best[row["seed"]] = row
    return {seed: value(best[seed]) for seed in sorted(best)}


def gain_at_best(method: str, value: Callable[[Row], float], **where: object) -> Values:
    """``value`` of a method minus that of NS-GAN, each at its setting of smallest FID, by seed."""
    return lambda rows: paired(
        at_best(rows.where(method=method, **where), value), at_best(rows.where(method="ns", **where), value)
    )


def more_turns(method: str) -> Values:
    """The mean over learning rates of log FID with one discriminator step minus log FID with five, by seed."""

    def mean_log(values: list[float]) -> float:
        return float(np.mean(np.log(values)))

    return versus("fid", {"method": method, "turns": 1}, {"method": method, "turns": 5}, pool=mean_log)


SLOW = (
    "every method's worst setting is its slowest, a small learning rate with one discriminator step: there all of them "
    "are short of training, penalised or not"
)


QUALITIES = [
    (
        "inception-score", "have a higher Inception score",
        "the score minus NS-GAN's, each at its setting of smallest Fréchet distance",
        lambda method: gain_at_best(method, lambda row: row["inception_score"]),
    ),
    (
        "diversity", "have a similarity within batches that is closer to the data's",
        "|similarity − the data's| of NS-GAN minus the method's, each at its setting of smallest Fréchet distance",
        lambda method: gain_at_best(method, lambda row: -abs(row["similarity"] - row["similarity_real"])),
    ),
    (
        "critic", "are closer to held-out digits, to an independent critic,",
        "the critic's distance, median over the grid, NS-GAN's minus the method's",
        lambda method: versus("critic", {"method": "ns"}, {"method": method}, pool=np.median),
    ),
]  # fmt: skip


GRID = [
    *(
        Claim(
            name=f"{method.replace('_', '-')}-{name}",
            says=f"Over learning rates and discriminator steps, {TITLES[method]}'s {name} result beats NS-GAN's.",
            source="Fedus et al. 2017, image experiments (abstract: penalties stabilise and make robust)",
            experiment="robustness",
            quantity=f"log of the ratio of {name} Fréchet distances over eight settings, NS-GAN over {TITLES[method]}",
            values=fid_ratio("ns", method, pool),
            low=math.log(1.5),
            reason=SLOW,
        )
        for method in PENALISED
        for name, pool in STATISTICS.items()
    ),
    *(
        Claim(
            name=f"{method.replace('_', '-')}-{name}",
            says=f"{TITLES[method]}'s samples {what} than NS-GAN's.",
            source="Fedus et al. 2017, image experiments (Inception score, diversity, independent Wasserstein critic)",
            experiment="robustness",
            quantity=quantity,
            values=values(method),
            low=0.0,
            reason="at its best setting NS-GAN covers all classes as well, and is about as diverse as the data",
        )
        for method in PENALISED
        for name, what, quantity, values in QUALITIES
    ),
    *(
        Claim(
            name=f"{method.replace('_', '-')}-gains-by-more-steps",
            says=f"{TITLES[method]} gains by five discriminator steps in place of one.",
            source="Fedus et al. 2017, image experiments, varies them; the direction is from our pilots",
            experiment="robustness",
            quantity="log Fréchet distance with one step minus with five, mean over learning rates",
            values=more_turns(method),
            low=0.0,
        )
        for method in PENALISED
    ),
    Claim(
        name="ns-loses-by-more-steps",
        says="NS-GAN without a penalty loses by five discriminator steps in place of one.",
        source="Fedus et al. 2017, image experiments, varies them; the direction is from our pilots",
        experiment="robustness",
        quantity="log Fréchet distance with one step minus with five, mean over learning rates",
        values=more_turns("ns"),
        high=0.0,
        reason="at small learning rates any further step of the discriminator helps; it hurts at the largest rate only",
    ),
    *(
        Claim(
            name=f"wgan-gp-{name}",
            says=f"WGAN-GP's {name} result over the grid is worse than DRAGAN-NS's: it can fail where they do not.",
            source="Fedus et al. 2017, image experiments (WGAN-GP fails for some settings)",
            experiment="robustness",
            quantity=f"log of the ratio of {name} Fréchet distances over eight settings, WGAN-GP over DRAGAN-NS",
            values=fid_ratio("wgan_gp", "dragan_ns", STATISTICS[name]),
            low=0.0,
            reason=SLOW,
        )
        for name in ("median", "worst")
    ),
]  # fmt: skip


COLOURS = [
    *(
        Claim(
            name=f"{method.replace('_', '-')}-coloured",
            says=f"On coloured digits, too, {TITLES[method]} beats NS-GAN.",
            source="Fedus et al. 2017, image experiments (Color MNIST)",
            experiment="coloured-digits",
            quantity="log of the ratio of median Fréchet distances over two learning rates, NS-GAN over the method",
            values=fid_ratio("ns", method, np.median),
            low=0.0,
            reason="two learning rates and six seeds, of which single ones lie far out at the smaller rate",
        )
        for method in PENALISED
    ),
    Claim(
        name="wgan-gp-coloured",
        says="On coloured digits WGAN-GP is the best of the four.",
        source="a reader's note on Fedus et al. 2017: WGAN-GP is best on Color MNIST and CIFAR-10",
        experiment="coloured-digits",
        quantity="log of the ratio of best Fréchet distances, the best other method over WGAN-GP",
        values=lambda rows: paired(
            Rows(row for row in rows if row["method"] != "wgan_gp").by_seed("fid", min),
            rows.where(method="wgan_gp").by_seed("fid", min),
            log_ratio,
        ),
        low=0.0,
    ),
]
