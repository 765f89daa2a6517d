"""Wideset: page configuration and navigation."""

from pages.components.navigation import navigate
from pages.components.office import configure

configure()
navigate().run()
