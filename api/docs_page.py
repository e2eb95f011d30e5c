"""The page that describes the interface and tries it out; nothing of it comes from elsewhere."""

from importlib.resources import files

from fastapi import APIRouter
from fastapi.responses import FileResponse, HTMLResponse, Response

#: fastapi-offline is used as a carrier of these files alone.
_SCRIPTS = files("fastapi_offline") / "static"
_FILES = {"swagger-ui-bundle.js": "text/javascript", "swagger-ui.css": "text/css"}
# The policy of the page allows no script in it.
_START = """
SwaggerUIBundle({
  url: "openapi.json", dom_id: "#description", deepLinking: true, docExpansion: "list", validatorUrl: null,
});
"""
_PAGE = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>REST · Onward</title>
<link rel="icon" href="/favicon.png">
<link rel="stylesheet" href="docs/swagger-ui.css">
</head>
<body>
<div id="description"></div>
<script src="docs/swagger-ui-bundle.js"></script>
<script src="docs/start.js"></script>
</body>
</html>
"""


def docs_page() -> APIRouter:
    routes = APIRouter(include_in_schema=False)

    @routes.get("/docs")
    async def page() -> Response:
        return HTMLResponse(_PAGE)

    @routes.get("/docs/start.js")
    async def start() -> Response:
        return Response(_START, media_type="text/javascript")

    def add(name: str, media_type: str) -> None:
        async def script() -> Response:
            return FileResponse(str(_SCRIPTS / name), media_type=media_type)

        routes.get(f"/docs/{name}")(script)

    for name, media_type in _FILES.items():
        add(name, media_type)
    return routes
