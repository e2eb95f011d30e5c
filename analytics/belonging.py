"""Whose a session is: that of the client which its events name first; of nobody when they name none.

To those who see some clients alone, the other sessions are not there, and in theirs an event that names
another client has not happened.
"""

from collections.abc import Collection

import numpy as np
from numpy.typing import NDArray

from analytics.partition import Coded, Partition

CLIENT = "client_id"
#: Whose sessions count; None: everybody's, also those of nobody.
Clients = Collection[str] | None


def of_clients(partition: Partition, clients: Collection[str]) -> NDArray[np.bool_]:
    """Which sessions belong to one of the clients."""
    return _named(partition.first_of_session(CLIENT), clients)


def seen(partition: Partition, clients: Clients) -> Partition:
    """The partition as they see it, all sessions still in it."""
    if clients is None or not partition.varies_in_session(CLIENT):
        return partition
    theirs = of_clients(partition, clients)[partition.session_of_events()]
    column = partition.column(CLIENT)
    return partition.only(~theirs | (column.codes < 0) | _named(column, clients))


def _named(column: Coded, clients: Collection[str]) -> NDArray[np.bool_]:
    wanted = [value in clients for value in column.values]
    return np.array([*wanted, False], np.bool_)[column.codes]
