"""DICOMweb services of others."""

from __future__ import annotations

from pathlib import Path

import requests
from dicomweb_client import DICOMwebClient
from dicomweb_client.session_utils import create_session_from_user_pass

from calcscope.node.config import password


def client(
    url: str, user: str | None, password_env: str | None, ca: Path | None, seconds: float
) -> DICOMwebClient:
    """A client of a DICOMweb service.

    Raises
    ------
    FaultyConfig : where the variable that holds the password is not set
    """
    session = create_session_from_user_pass(user, password(password_env)) if user else requests.Session()
    if ca is not None:
        session.verify = str(ca)
    service = DICOMwebClient(url, session=session, timeout=seconds)
    service.set_http_retry_params(retry=False)  # the node tries again by itself, and notes it
    return service
