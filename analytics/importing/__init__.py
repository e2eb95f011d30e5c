"""Events from files and tables: sources read rows, `rows` makes events of them, `load` stores each once."""
