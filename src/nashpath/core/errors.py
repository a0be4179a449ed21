"""What others' errors say, for messages of one's own."""


def first_line(error: Exception) -> str:
    """The first line of what an error says, at most 200 letters of it."""
    return (str(error).strip().splitlines() or ["it does not say why"])[0][:200]
