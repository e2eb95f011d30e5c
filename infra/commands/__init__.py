"""The commands of `python -m infra`, a module for each kind. Each adds its parsers with `add`."""
