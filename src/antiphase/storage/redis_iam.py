"""Who the service is to ElastiCache: a short-lived token of IAM in place of a password."""

from __future__ import annotations

from urllib.parse import urlencode

import redis
from botocore.model import ServiceId
from botocore.session import Session
from botocore.signers import RequestSigner

__all__ = ["IamCredentials"]

_SECONDS = 900


class IamCredentials(redis.CredentialProvider):
    """Signs a token at each connection, valid 15 minutes, for a user whom IAM knows.

    Parameters
    ----------
    user : str
        Name of the user in ElastiCache, equal to its id there.
    group : str
        Replication group.
    region : str
        Where it is.

    References
    ----------
    AWS, "Authenticating with IAM", ElastiCache User Guide (2023).
    """

    def __init__(self, user: str, group: str, region: str) -> None:
        self._user, self._group, self._region = user, group, region
        self._session = Session()

    def get_credentials(self) -> tuple[str, str]:
        """Return the user and a token: a signed address without its scheme."""
        signer = RequestSigner(
            ServiceId("elasticache"),
            self._region,
            "elasticache",
            "v4",
            self._session.get_credentials(),
            self._session.get_component("event_emitter"),
        )
        query = urlencode({"Action": "connect", "User": self._user})
        request = {
            "method": "GET",
            "url": f"http://{self._group}/?{query}",
            "body": {},
            "headers": {},
            "context": {},
        }
        signed: str = signer.generate_presigned_url(
            request, operation_name="connect", expires_in=_SECONDS, region_name=self._region
        )
        return self._user, signed.removeprefix("http://")
