"""The command line that all benchmarks share."""

import argparse
from typing import Any


def parse(parser: argparse.ArgumentParser, **smallest: Any) -> argparse.Namespace:
    """The options as given; with ``--smallest``, those that ``smallest`` names are replaced by its values.

    The smallest size measures nothing: it shows that the benchmark runs.
    """
    parser.add_argument("--smallest", action="store_true", help="run everything once, at sizes that measure nothing")
    options = parser.parse_args()
    if options.smallest:
        unknown = set(smallest) - set(vars(options))
        if unknown:
            raise ValueError(f"no such options: {', '.join(sorted(unknown))}")
        vars(options).update(smallest)
    return options
