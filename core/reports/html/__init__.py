"""The HTML report: blocks, sections, template."""
