"""The reference flow: a person talks to an assistant, approves its recommendations, and they are applied."""
