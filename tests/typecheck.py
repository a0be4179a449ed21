"""Runs tests with every annotation of the package checked at each call: ``typecheck.py [--all] [OPTIONS of pytest]``.

The checker is beartype, with an int taken where a float is asked for, as by type checkers; jaxtyping has it check
shapes too. A checked call costs more than a plain one. So ``FILES``, which `test_typecheck.py` runs, are those that
call many functions and few of them often: the arithmetic of games, trees and metrics, increasing functions, and all
settings. ``--all`` (``make typecheck``) adds ``MORE``. Files that are in neither train long, start processes or compile
whole steps (a checked function is no part of a graph); a test marked ``unchecked`` is left out for the reason given.
"""

import os
import sys
from pathlib import Path

from beartype import BeartypeConf, beartype

checked = beartype(conf=BeartypeConf(is_pep484_tower=True))

FOLDER = Path(__file__).parent
FILES = (
    "test_typecheck.py",
    "test_objectives.py",
    "test_penalties.py",
    "test_tree.py",
    "test_metrics_protocol.py",
    "test_metrics_modes.py",
    "test_flows_monotone.py",
    "test_run_settings.py",
)
MORE = (
    "test_critic.py",
    "test_data_arrays.py",
    "test_data_densities.py",
    "test_data_digits.py",
    "test_data_folders.py",
    "test_data_hub.py",
    "test_data_laws.py",
    "test_diagnostics_games.py",
    "test_divergences.py",
    "test_evaluate.py",
    "test_flows_particles.py",
    "test_ideal.py",
    "test_metrics_arithmetic.py",
    "test_metrics_extractors.py",
    "test_metrics_safety.py",
    "test_names.py",
    "test_networks_batch_norm.py",
    "test_networks_rectifier.py",
    "test_networks_spectral.py",
    "test_report_sheet.py",
    "test_report_study.py",
    "test_rules.py",
    "test_run_checkpoint.py",
    "test_run_members.py",
    "test_solvers_systems.py",
    "test_techniques_history.py",
    "test_techniques_objectives.py",
    "test_transport.py",
)


if __name__ == "__main__":
    import pytest

    options = sys.argv[1:]
    files = FILES + MORE if "--all" in options else FILES
    os.environ["NASHPATH_TYPECHECK"] = "1"
    os.chdir(FOLDER)
    plain = ["-p", "no:cacheprovider", "-m", "not thorough"]
    sys.exit(pytest.main([*plain, *(o for o in options if o != "--all"), *files]))
