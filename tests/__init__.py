"""Tests of pycom_tx, run by trial."""
