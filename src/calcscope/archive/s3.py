"""S3 and what speaks like it, by Arrow's client: it comes with pyarrow, so a bucket needs no other library.

(fsspec's own, ``s3fs``, brings ``botocore``, which holds ``python-dateutil`` back.)
"""

from __future__ import annotations

import json
import os
import re
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from calcscope.archive.sources import SourceFault

SCHEME = "s3://"
AT_ONCE = 1 << 26
"""Bytes asked for by one request: an image of a full view comes by one, a tomosynthesis by several."""
KINDS: dict[str, type[OSError]] = {
    "ACCESS_DENIED": PermissionError,
    "EXPIRED_TOKEN": PermissionError,
    "INVALID_ACCESS_KEY_ID": PermissionError,
    "INVALID_CLIENT_TOKEN_ID": PermissionError,
    "SIGNATURE_DOES_NOT_MATCH": PermissionError,
    "NO_SUCH_BUCKET": FileNotFoundError,
    "NO_SUCH_KEY": FileNotFoundError,
    "NETWORK_CONNECTION": ConnectionError,
    "REQUEST_TIMEOUT": TimeoutError,
    "SLOW_DOWN": BlockingIOError,
}
"""Codes of the AWS SDK for C++, which Arrow puts into the words of its errors, as errors of Python."""


@dataclass(frozen=True)
class Bucket:
    """The three calls of fsspec by which an archive is read.

    Parameters
    ----------
    client : ``pyarrow.fs.S3FileSystem``
    """

    client: Any

    def ls(self, where: str, *, detail: bool) -> list[dict[str, Any]]:
        """What is in a folder."""
        from pyarrow.fs import FileSelector, FileType

        assert detail
        with _of_python():
            found = self.client.get_file_info(FileSelector(where))
        kinds = {FileType.Directory: "directory", FileType.File: "file"}
        return [{"name": one.path, "type": kinds[one.type]} for one in found if one.type in kinds]

    def cat_file(self, where: str, start: int, end: int) -> bytes:
        """The first bytes of an object; ``start`` is 0."""
        assert start == 0
        with _of_python(), self.client.open_input_stream(where, compression=None) as stream:
            return bytes(stream.read(end))

    def get_file(self, where: str, path: str) -> None:
        """A copy of an object."""
        with (
            open(path, "wb") as file,
            _of_python(),
            self.client.open_input_stream(where, compression=None) as stream,
        ):
            shutil.copyfileobj(stream, file, AT_ONCE)


def opened(address: str, options: Mapping[str, Any]) -> tuple[Bucket, str]:
    """A bucket, and the root in its words.

    Parameters
    ----------
    address : ``s3://bucket/folder``
    options : of ``pyarrow.fs.S3FileSystem``; what is not given is looked for where AWS's own tools look

    Raises
    ------
    SourceFault : where an option is unknown, or this pyarrow has no S3
    """
    root = address.removeprefix(SCHEME).rstrip("/")
    return _bucket(root.partition("/")[0], json.dumps(dict(options), sort_keys=True)), root


@lru_cache(maxsize=8)
def _bucket(name: str, options: str) -> Bucket:
    """One client a process: it keeps its connections, and looks for its credentials once."""
    given = json.loads(options)
    try:
        from pyarrow.fs import AwsStandardS3RetryStrategy, S3FileSystem, resolve_s3_region

        elsewhere = {"AWS_REGION", "AWS_DEFAULT_REGION", "AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_S3"}
        if not {"region", "endpoint_override"} & given.keys() and not elsewhere & os.environ.keys():
            with suppress(OSError):  # then it is as the configuration says
                given["region"] = resolve_s3_region(name)
        # What fails is asked for again by ``asked``, as with every store.
        return Bucket(S3FileSystem(retry_strategy=AwsStandardS3RetryStrategy(max_attempts=1), **given))
    except ImportError:
        raise SourceFault(
            "found a pyarrow without S3; expected one with it; install pyarrow's wheel", lasting=True
        ) from None
    except TypeError as error:  # its words name the option, not its value
        raise SourceFault(
            f"found store options that Arrow's S3 does not take ({error}); expected those of "
            "pyarrow.fs.S3FileSystem, such as endpoint_override; look at the file of --store-options",
            lasting=True,
        ) from None
    except (OSError, ValueError) as error:  # whose words may hold a value
        raise SourceFault(
            f"found store options that Arrow's S3 cannot use ({type(error).__name__}); expected those of "
            "pyarrow.fs.S3FileSystem, access_key with secret_key; look at the file of --store-options",
            lasting=True,
        ) from None


@contextmanager
def _of_python() -> Iterator[None]:
    """Arrow's errors as Python's that say the same, without its words, which name bucket and object."""
    try:
        yield
    except OSError as error:
        code = re.search(r"AWS Error ([A-Z_]+)", str(error))
        raise KINDS.get(code[1] if code else "", type(error))() from None
