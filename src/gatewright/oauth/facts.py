"""The facts that tokens and clients live by: one row each, kept in memory until an event touches it."""

from functools import partial

from gatewright.base.ids import AuthorizationId, FamilyId, UserId
from gatewright.events import keys
from gatewright.events.facts import Fact
from gatewright.oauth import key_store, store
from gatewright.oauth.model import Authorization, Client, Family, SigningKey, UserStanding


def client_fact(client_id: str) -> Fact[Client | None]:
    """Return the fact of a client, an app's or a service account's, with its live secrets."""
    return Fact(keys.client(client_id), partial(store.load_client, client_id=client_id), keeps_absence=False)


def user_fact(user_id: UserId) -> Fact[UserStanding | None]:
    """Return the fact of a user's standing."""
    return Fact(keys.user(user_id), partial(store.load_user, user_id=user_id))


def authorization_fact(authorization_id: AuthorizationId) -> Fact[Authorization | None]:
    """Return the fact of an authorization, standing or ended."""
    key = keys.authorization(authorization_id)
    return Fact(key, partial(store.load_authorization, authorization_id=authorization_id))


def family_fact(family_id: FamilyId) -> Fact[Family | None]:
    """Return the fact of a token family.

    Its generations may lag behind other processes, which write no event for a normal
    refresh (R1); whether it ended and which secret it is on never does.
    """
    return Fact(keys.family(family_id), partial(store.load_family, family_id=family_id), keeps_absence=False)


def revoked_fact(jti: str) -> Fact[bool]:
    """Return the fact whether this service account's token was revoked (T9)."""
    return Fact(keys.revoked(jti), partial(store.is_revoked, jti=jti))


def signing_keys_fact() -> Fact[tuple[SigningKey, ...]]:
    """Return the fact of the deployment's signing keys, oldest first."""
    return Fact(keys.signing_keys(), key_store.load_signing_keys)
