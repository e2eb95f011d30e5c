"""The page that others are measured against: it writes a fixed text."""

import streamlit as st

st.title("Fixed")
st.write("The same text each time.")
