"""Makes the report of predictions that any program made: by the command `report`, or the function `report`."""

from job.predictions_report.function import Report, report

__all__ = ["Report", "report"]
