"""An evaluation as one HTML file that needs no network: `write_report(evaluation, "report.html")`."""

from __future__ import annotations

from dtr.report.page import write_report

__all__ = ["write_report"]
