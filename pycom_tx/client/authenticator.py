"""Asking who somebody is."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from pycom_tx.zerojson.errors import InvalidReply

if TYPE_CHECKING:
    from pycom_tx.client.component import Component

AUTHENTICATOR: Final = "org.pycom.authenticator"
"""The interface of who gives tokens and tells whose they are."""


async def authenticate(authenticator: Component, user: str, credentials: Any) -> str:
    """A token for a user.

    :raises AccessDenied: the credentials are not the user's.
    """
    answer = await authenticator.invoke("authenticate", {"user": user, "credentials": credentials})
    token = answer.get("token") if isinstance(answer, dict) else None
    if not isinstance(token, str):
        raise InvalidReply(f"{authenticator!r} answered authenticate without a token")
    return token


async def validate(authenticator: Component, token: str) -> dict[str, Any]:
    """Whose token it is: a dict with ``name``, a str, and ``roles``, a list of str.

    :raises AccessDenied: nobody's.
    """
    user = await authenticator.invoke("validate", {"token": token})
    if not isinstance(user, dict) or not isinstance(user.get("name"), str):
        raise InvalidReply(f"{authenticator!r} answered validate without a name")
    roles = user.get("roles")
    if not isinstance(roles, list) or not all(isinstance(role, str) for role in roles):
        raise InvalidReply(f"{authenticator!r} answered validate without a list of roles")
    return user
