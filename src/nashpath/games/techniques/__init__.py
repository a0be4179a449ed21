"""Techniques that turn a game into a game. One file a technique; others are objectives, layers, or games themselves."""

from nashpath.core import Table
from nashpath.games.techniques.historical_averaging import HistoricalAveraging, historical_averaging
from nashpath.games.techniques.none import no_technique

TECHNIQUES = Table("technique", {"none": no_technique, "historical_averaging": historical_averaging}, takes=("game",))

__all__ = ["TECHNIQUES", "HistoricalAveraging", "historical_averaging", "no_technique"]
