"""/overview, which people type and link to, leads to /: Streamlit knows its first page by no other name."""

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route


def first_page_route() -> Route:
    async def lead(request: Request) -> Response:
        return RedirectResponse("/" + (f"?{request.url.query}" if request.url.query else ""), 307)

    return Route("/overview", lead)
