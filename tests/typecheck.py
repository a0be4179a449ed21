"""The checker of `test_typecheck.py`: beartype, with an int taken where a float is asked for, as by type checkers."""

from beartype import BeartypeConf, beartype

checked = beartype(conf=BeartypeConf(is_pep484_tower=True))
