"""The charts of the report, one module per subject, drawn as SVG."""
