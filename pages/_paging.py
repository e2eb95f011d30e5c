"""The position in a list, kept in the address; the way back is kept for as long as the tab is open."""

import streamlit as st


def position(parameter: str) -> str | None:
    return st.query_params.get(parameter)


def reset(parameter: str) -> None:
    st.query_params.pop(parameter, None)
    st.session_state.pop(f"{parameter}_before", None)


def buttons(parameter: str, following: str | None) -> None:
    """The ways to the page before and to the page that begins at `following`."""
    with st.container(horizontal=True, horizontal_alignment="right"):
        if parameter in st.query_params:
            has_way_back = bool(st.session_state.get(f"{parameter}_before"))
            st.button(
                "Back" if has_way_back else "First page",
                icon=":material/chevron_left:",
                key=f"{parameter}_back",
                on_click=_back,
                args=(parameter,),
            )
        if following:
            st.button(
                "More",
                icon=":material/chevron_right:",
                key=f"{parameter}_more",
                on_click=_further,
                args=(parameter, following),
            )


def _further(parameter: str, following: str) -> None:
    st.session_state.setdefault(f"{parameter}_before", []).append(st.query_params.get(parameter, ""))
    st.query_params[parameter] = following


def _back(parameter: str) -> None:
    before = st.session_state.get(f"{parameter}_before")
    earlier = before.pop() if before else ""
    if earlier:
        st.query_params[parameter] = earlier
    else:
        st.query_params.pop(parameter, None)
