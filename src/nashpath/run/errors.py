"""Errors and warnings of runs, each with a remedy."""


class SettingError(ValueError):
    """Settings that cannot be used; the message names each key, what was expected, and the nearest valid name."""


class FolderError(ValueError):
    """A run folder that cannot be used: another process writes it, it is no run, or the disk is full."""


class MethodsWarning(UserWarning):
    """Methods of one's own are not there, or are not those that a run was made with."""


class FolderWarning(UserWarning):
    """Something in a run folder is damaged, missing or unchecked; the message names it and says what was done."""


class RanksError(ValueError):
    """Another process of a run that is spread over several is gone."""
