"""One engine a module: `prepare(task)` loads its table once, `ready(task)` gives what answers."""
