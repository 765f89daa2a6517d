"""Wideset: page configuration and navigation."""

from pages.components.navigation import navigate
from pages.components.office import set_up

page = navigate()
set_up()
page.run()
