"""Games of classes need samples of each class."""

from typing import Any

from nashpath.core import Source
from nashpath.core.errors import first_names
from nashpath.core.source import empty_classes
from nashpath.games import GAMES
from nashpath.run.errors import SettingError

NAMED = 10


def check_each_class(settings: Any, source: Source) -> None:
    """Refuses data without a sample of some class for a game that makes samples of each. Raises `SettingError`."""
    gone = empty_classes(source) if GAMES[settings.game.kind].of_classes else []
    if gone:
        named = first_names([repr(name) for name in gone], NAMED)
        raise SettingError(
            f"game={settings.game.kind} makes samples of each class, and the data have none of {named} to learn from: "
            "mend the data, or take the class out of them (the numbers of classes go from 0 without gaps)"
        )
