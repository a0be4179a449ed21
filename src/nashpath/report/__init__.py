"""Pictures and pages of runs: the only room that knows what a result looks like."""

from nashpath.report.bootstrap import interval
from nashpath.report.compare import compare_reports
from nashpath.report.page import write_report
from nashpath.report.read import Member, Run, RunFolderError, load_run
from nashpath.report.sheet import sheet, write_sheet

__all__ = [
    "Member",
    "Run",
    "RunFolderError",
    "compare_reports",
    "interval",
    "load_run",
    "sheet",
    "write_report",
    "write_sheet",
]
