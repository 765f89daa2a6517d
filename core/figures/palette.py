"""Colours of labels, told apart by colour-blind people for the first eight.

The first eight are those of Okabe and Ito (2008, "Color Universal Design"), black and yellow
replaced as neither shows on both a white and a black page; the next are darker and lighter
relatives. Beyond, colours repeat: a figure must always name its labels, too.
"""

from collections.abc import Sequence

LABEL_COLORS = (
    "#0072B2",  # blue
    "#E69F00",  # orange
    "#009E73",  # bluish green
    "#CC79A7",  # reddish purple
    "#56B4E9",  # sky blue
    "#D55E00",  # vermilion
    "#5C5C5C",  # grey, for black
    "#8C5A2B",  # brown, for yellow: an olive would be the orange to protanopes
    "#4B3F9E",
    "#7FC8A9",
    "#A03E5E",
    "#F2B880",
    "#2F6B4F",
    "#9BB7E0",
    "#B8A800",
    "#D4A5C9",
    "#335C81",
    "#C97B63",
)
MISSING_COLOR = "rgba(128, 128, 128, 0.18)"


def label_colors(names: Sequence[str]) -> dict[str, str]:
    """A colour for each label, by its place in the task, so that it never changes within one."""
    return {name: LABEL_COLORS[place % len(LABEL_COLORS)] for place, name in enumerate(names)}


# From early to late, for numbers: the middle of viridis (Smith and van der Walt 2015, CC0), even in
# lightness, without the ends that sink into a dark page or a white one.
SEQUENCE_COLORS = ("#3E4989", "#31688E", "#26828E", "#1F9E89", "#35B779", "#6ECE58")
