"""Wideset: page configuration and navigation."""

from pages.components.shell import configure, navigate

configure()
navigate().run()
