"""`define`: save a funnel definition from a JSON file, as the next version of its name."""

import argparse
import json
from pathlib import Path

from analytics import definition_json, definitions
from analytics.commands import Opener, say
from analytics.errors import SourceUnusable


def configure(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("file", help="the definition as JSON; sample/loan-application.json shows one")


def run(options: argparse.Namespace, opened: Opener) -> int:
    path = Path(options.file)
    try:
        definition = definition_json.from_json(json.loads(path.read_text(encoding="utf-8")))
    except OSError as error:
        raise SourceUnusable(f"{path} cannot be read: {error.strerror}") from error
    except ValueError as error:
        raise SourceUnusable(f"{path} is not JSON: {error}") from error
    with opened() as onward:
        saved = definitions.save(onward.engine, definition, by="command line")
    say(f"{definition.name}, version {saved.version}")
    return 0
