"""Errors in settings, with a remedy."""


class SettingError(ValueError):
    """Settings that cannot be used; the message names each key, what was expected, and the nearest valid name."""


class MethodsWarning(UserWarning):
    """Methods of one's own are not there, or are not those that a run was made with."""
