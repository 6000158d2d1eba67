"""GitLab as an OpenID Connect provider: the tokens jobs get by `id_tokens`, and the keys."""

import base64
import hashlib
import json
import os
import secrets
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa

_LIFETIME = 3600  # seconds, a job's default timeout at GitLab


class Issuer:
    """Signs tokens with a key of its own, kept in `file` (mode 0600)."""

    def __init__(self, file: Path) -> None:
        if file.is_file():
            key = serialization.load_pem_private_key(file.read_bytes(), None)
            if not isinstance(key, rsa.RSAPrivateKey):
                raise ValueError(f"{file}: not an RSA key; remove the file to get a new one")
        else:
            key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
            write_private(
                file,
                key.private_bytes(
                    serialization.Encoding.PEM,
                    serialization.PrivateFormat.PKCS8,
                    serialization.NoEncryption(),
                ),
            )
        self._key = key

    def keys(self) -> dict[str, Any]:
        """The key set at `/oauth/discovery/keys`."""
        numbers = self._key.public_key().public_numbers()
        modulus = numbers.n.to_bytes((numbers.n.bit_length() + 7) // 8, "big")
        public = {"kty": "RSA", "n": _base64(modulus), "e": _base64(b"\1\0\1")}
        return {"keys": [{**public, "kid": self._key_id(modulus), "use": "sig", "alg": "RS256"}]}

    def token(self, url: str, audiences: list[str], claims: Mapping[str, str]) -> str:
        """A signed token of issuer `url` with the claims of one job."""
        issued = int(time.time())
        payload = {
            "iss": url,
            "aud": audiences[0] if len(audiences) == 1 else audiences,
            "iat": issued,
            "nbf": issued - 5,
            "exp": issued + _LIFETIME,
            "jti": secrets.token_hex(16),
            **claims,
        }
        header = {"alg": "RS256", "typ": "JWT", "kid": self.keys()["keys"][0]["kid"]}
        signed = b".".join(
            _base64(json.dumps(part).encode()).encode() for part in (header, payload)
        )
        signature = self._key.sign(signed, padding.PKCS1v15(), hashes.SHA256())
        return f"{signed.decode()}.{_base64(signature)}"

    @staticmethod
    def _key_id(modulus: bytes) -> str:
        return _base64(hashlib.sha256(modulus).digest())


def discovery(url: str) -> dict[str, Any]:
    """The document at `/.well-known/openid-configuration`."""
    return {
        "issuer": url,
        "jwks_uri": f"{url}/oauth/discovery/keys",
        "response_types_supported": ["id_token"],
        "subject_types_supported": ["public"],
        "id_token_signing_alg_values_supported": ["RS256"],
    }


def write_private(file: Path, content: bytes) -> None:
    """Create `file` readable by its owner only."""
    with os.fdopen(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as out:
        out.write(content)


def _base64(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()
