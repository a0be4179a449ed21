"""What is wrong with settings, in words that a person can act on."""


class SettingError(ValueError):
    """Settings that cannot be used; the message names each key, what was expected, and the nearest valid name."""


class MethodsWarning(UserWarning):
    """Methods of one's own are not there, or are not those that a run was made with."""
