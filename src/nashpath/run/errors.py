"""What is wrong with settings, in words that a person can act on."""


class SettingError(ValueError):
    """Settings that cannot be used; the message names each key, what was expected, and the nearest valid name."""
