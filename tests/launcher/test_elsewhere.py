import argparse

import pytest

from earthgptx_client.suite_state import SuiteAddress
from launcher.demo.elsewhere import add_address_flags, named_suite


def parsed(*arguments: str) -> argparse.Namespace:
    parser = argparse.ArgumentParser()
    add_address_flags(parser)
    return parser.parse_args(arguments)


def test_without_an_address_no_suite_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("EARTHGPTX_ADDRESS", raising=False)
    assert named_suite(parsed("--api-key", "k")) is None


def test_flags_come_before_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EARTHGPTX_ADDRESS", "there:1")
    monkeypatch.setenv("EARTHGPTX_API_KEY", "of there")
    assert named_suite(parsed()) == SuiteAddress("there:1", "of there")
    given = parsed("--address", "here:2", "--api-key", "of here")
    assert named_suite(given) == SuiteAddress("here:2", "of here")
