"""Secrets masked in everything that is shown, logged or exported. What is stored stays as it came."""

from dlq.redaction.redactor import Redactor
from dlq.redaction.secret_shapes import MASK

__all__ = ["MASK", "Redactor"]
