"""Studies: claims of papers, measured again and judged. One package a paper; one file an experiment."""

from nashpath.studies.cells import cell_identity, cell_path, read_cell, told_stray
from nashpath.studies.claim import Claim, Undecided, Verdict, judge, judge_all
from nashpath.studies.course import Course
from nashpath.studies.figures import Cloud, Figure, Heat, Lines, Strip
from nashpath.studies.find import NAMES, find_study
from nashpath.studies.gather import gather_cells
from nashpath.studies.population import MemberState, Population, split_steps
from nashpath.studies.result import Result, judge_again, read_study, recorded_study, source_hash, told_other
from nashpath.studies.rows import Row, Rows, paired
from nashpath.studies.runner import CellProgress, Portion, reproduce
from nashpath.studies.study import SCALES, Cell, Experiment, Size, Study

__all__ = [
    "NAMES",
    "SCALES",
    "Cell",
    "CellProgress",
    "Claim",
    "Cloud",
    "Course",
    "Experiment",
    "Figure",
    "Heat",
    "Lines",
    "MemberState",
    "Population",
    "Portion",
    "Result",
    "Row",
    "Rows",
    "Size",
    "Strip",
    "Study",
    "Undecided",
    "Verdict",
    "cell_identity",
    "cell_path",
    "find_study",
    "gather_cells",
    "judge",
    "judge_again",
    "judge_all",
    "paired",
    "read_cell",
    "read_study",
    "recorded_study",
    "reproduce",
    "source_hash",
    "split_steps",
    "told_other",
    "told_stray",
]
