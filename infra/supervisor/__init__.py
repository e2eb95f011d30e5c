"""One command that runs everything: servers, dashboard, worker, beat and, in the demo, the traffic."""
