"""Who may do what: roles, sign-in links, sessions, and the guard in front of every request."""
