"""Experiments: each file measures one thing and returns its rows; studies of several papers may rest on one."""
