"""Who is let in to the page."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from assistant.errors import BadOption
from assistant.show.door import MAX_NAME_CHARS, Door, Named, NotLoopback, entrance

LOGIN, NO_LOGIN = ("reader", "open sesame"), ("reader", "")


def test_on_this_machine_everybody_is_let_in_unless_there_is_a_password() -> None:
    assert entrance("127.0.0.1", NO_LOGIN, "") is None
    assert isinstance(entrance("127.0.0.1", LOGIN, ""), Door)


def test_other_machines_get_in_with_a_password_only() -> None:
    assert isinstance(entrance("0.0.0.0", LOGIN, ""), Door)  # noqa: S104 (no server is started)
    with pytest.raises(NotLoopback, match="WHICHPAPERS_PASSWORD"):
        entrance("0.0.0.0", NO_LOGIN, "")  # noqa: S104


def test_a_header_counts_only_where_none_but_this_machine_can_write_it() -> None:
    with pytest.raises(BadOption, match="WHICHPAPERS_USER_HEADER"):
        entrance("0.0.0.0", LOGIN, "X-User")  # noqa: S104


@pytest.mark.parametrize(
    ("sent", "user"), [({}, None), ({"X-User": " "}, None), ({"X-User": " ann "}, "ann"), ({"X-Other": "ann"}, None)]
)
def test_the_header_names_the_user(sent: dict[str, str], user: str | None) -> None:
    named = entrance("127.0.0.1", NO_LOGIN, "X-User")
    assert isinstance(named, Named)
    assert named(SimpleNamespace(headers=sent)) == user


def test_a_name_is_cut_to_a_bound() -> None:
    assert len(Named("X-User")(SimpleNamespace(headers={"X-User": "a" * 999})) or "") == MAX_NAME_CHARS
