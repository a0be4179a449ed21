"""Figures and pages of runs; no other room draws."""

from nashpath.core.math.bootstrap import interval
from nashpath.report.card import card, card_place, write_card
from nashpath.report.compare import compare_reports, equal_cost_text
from nashpath.report.draw import draw_figure, drawing, new_canvas
from nashpath.report.equal_cost import EqualCost, equal_cost
from nashpath.report.headline import run_headline
from nashpath.report.outcome import Outcome
from nashpath.report.page import report_and_headline, write_report
from nashpath.report.read import ReportMember, Run, RunFolderError, load_run
from nashpath.report.reproduction import is_reproduction, write_reproduction
from nashpath.report.results import write_results
from nashpath.report.search import write_search
from nashpath.report.sheet import sheet, write_sheet

__all__ = [
    "EqualCost",
    "Outcome",
    "ReportMember",
    "Run",
    "RunFolderError",
    "card",
    "card_place",
    "compare_reports",
    "draw_figure",
    "drawing",
    "equal_cost",
    "equal_cost_text",
    "interval",
    "is_reproduction",
    "load_run",
    "new_canvas",
    "report_and_headline",
    "run_headline",
    "sheet",
    "write_card",
    "write_report",
    "write_reproduction",
    "write_results",
    "write_search",
    "write_sheet",
]
