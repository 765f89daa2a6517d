"""Compare: what each knob buys and costs, what repair brings back, and where to stand."""

import streamlit as st

from pages.components.office import set_up, show_flash

office = set_up()
show_flash()
st.subheader("Compare", anchor=False)
