"""The seconds that a run spends on anything but steps, and a warning where they are too many."""

import time
from collections.abc import Callable
from dataclasses import dataclass, field

SHARE = 0.2
"""Of the training time; above, the run says so."""
LEAST_SECONDS = 10.0
LEAST_TIMES = 4
"""One look stands at the start, before any step; after so many the share is that of the run."""

ADVICE = {
    "measure": "set evaluate_every higher, evaluation_samples lower, or name fewer metrics",
    "look": "set sample_every higher, or evaluation_samples lower",
    "watch": "set diagnose_every higher, or name fewer diagnostics",
}
"""What to change where an activity takes the most of the time."""


@dataclass
class Stopwatch:
    """Seconds and times of each activity beside training, by its name."""

    seconds: dict[str, float] = field(default_factory=dict)
    times: dict[str, int] = field(default_factory=dict)

    def do(self, name: str, act: Callable[[], None]) -> None:
        """Does it, and counts the time."""
        start = time.perf_counter()
        act()
        self.seconds[name] = self.seconds.get(name, 0.0) + time.perf_counter() - start
        self.times[name] = self.times.get(name, 0) + 1

    @property
    def evaluating(self) -> float:
        """Seconds spent on looks at samples, metrics and diagnostics."""
        return sum(self.seconds.get(name, 0.0) for name in ADVICE)

    def excess(self, training: float) -> str:
        """What is wrong and what to change, where evaluating takes too much beside ``training`` seconds; else empty."""
        most = max(ADVICE, key=lambda name: self.seconds.get(name, 0.0))
        spent, often = self.evaluating, self.times.get(most, 0) >= LEAST_TIMES
        if not often or spent < LEAST_SECONDS or spent <= SHARE * training:
            return ""
        return (
            f"evaluating took {spent:.0f} s beside {training:.0f} s of training steps, more than {100 * SHARE:.0f} %; "
            f"to train faster, {ADVICE[most]}"
        )
