"""Events to columns to funnels. `analytics.record` stores one event in the caller's own transaction.

This module stays light: a task worker imports it, and must not load the numeric libraries.
"""

from analytics.events import record

__all__ = ["record"]
