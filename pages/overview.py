"""What is here, what waits for you, what runs."""

import streamlit as st

st.title("Overview")
