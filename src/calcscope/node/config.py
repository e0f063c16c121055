"""``node.toml``: who may speak to the node, what it reads, where results go; the default of every limit."""

from __future__ import annotations

import ipaddress
import os
import tomllib
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError, model_validator

from calcscope.errors import CalcscopeError
from calcscope.standards.exporting import Kind

MIB = 1 << 20
GIB = 1 << 30


class FaultyConfig(CalcscopeError):
    """The configuration file cannot be read or says what cannot be."""


def _title(value: str) -> str:
    title = value.strip()
    if not 1 <= len(title) <= 16 or not title.isascii() or not title.isprintable() or "\\" in title:
        raise ValueError("an AE title has 1 to 16 printable ASCII characters and no backslash (PS3.5 6.2)")
    return title


def _network(value: str) -> str:
    try:
        ipaddress.ip_network(value)
    except ValueError:
        raise ValueError(
            f"{value!r} is no IP address or network; expected such as 10.1.2.3 or 10.1.0.0/16"
        ) from None
    return value


AeTitle = Annotated[str, AfterValidator(_title)]
Network = Annotated[str, AfterValidator(_network)]
Seconds = Annotated[float, Field(gt=0)]


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Tls(_Part):
    """Certificates, for what the node receives and for what it sends with ``tls = true``."""

    certificate: Path = Field(description="The node's own certificate with its chain, PEM.")
    key: Path = Field(description="Its private key, PEM.")
    ca: Path = Field(description="Certificates of whom to trust, PEM; peers must show one signed by these.")


class Peer(_Part):
    """Who may open an association."""

    title: AeTitle = Field(description="AE title that it calls itself.")
    address: Network = Field(description="IP address or network that it calls from.")
    port: int | None = Field(
        None, ge=1, le=65535, description="Where it listens, for answers to storage commitment."
    )
    host: str | None = Field(None, description="Name or address for that, where address is a network.")
    tls: bool = Field(False, description="Whether it listens with TLS.")

    @model_validator(mode="after")
    def _reachable(self) -> Self:
        if self.port is not None and self.host is None and "/" in self.address:
            raise ValueError(f"{self.title}: a port, but address is a network: name the host")
        return self


class Limits(_Part):
    """What a peer may ask of the node."""

    associations: int = Field(10, ge=1, description="Most at once.")
    associations_per_peer: int = Field(8, ge=1, description="Most at once from one AE title.")
    pdu_bytes: int = Field(MIB, ge=4096, le=128 * MIB, description="Largest protocol data unit taken.")
    instance_bytes: int = Field(4 * GIB, ge=1, description="Largest instance taken.")
    instances_per_minute: float = Field(
        1200, gt=0, description="From one peer; one that sends faster waits for its answers."
    )
    idle_seconds: Seconds = Field(60, description="An association on which nothing happens ends.")
    stall_seconds: Seconds = Field(30, description="Longest to wait for the rest of what has begun.")
    min_free_bytes: int = Field(2 * GIB, ge=0, description="Below this much free disk everything is refused.")


class StudyRules(_Part):
    """When a study is complete."""

    quiet_seconds: float = Field(60, ge=0, description="No new image for this long.")
    expected_views: tuple[str, ...] = Field(
        ("RCC", "LCC", "RMLO", "LMLO"), description="With these there is no need to wait that long."
    )
    settle_seconds: float = Field(
        5,
        ge=0,
        description="Once they are there: no new image for this long, for further views sent with them.",
    )


class Reading(_Part):
    """How studies are read."""

    mode: Literal["screening", "diagnostic"] = Field(
        "screening", description="`screening` or `diagnostic`, as of calcscope read."
    )
    kinds: tuple[Kind, ...] = Field(("cad-sr",), description="What is made of each report.")
    render: bool = Field(False, description="Also keep the report's page, pictures and PDF.")
    workers: int = Field(1, ge=1, description="Studies read at the same time.")
    time_limit: Seconds = Field(1800, description="Of one study; then its reader is ended.")
    tries: int = Field(
        3, ge=1, description="Readers that may die of a study before it is set down as failed."
    )
    reader: str = Field(
        "calcscope.node.reading:read_study",
        pattern=r"^[\w.]+:\w+$",
        description="module:function that reads; another one is for tests and trials.",
    )


class _Place(_Part):
    name: str = Field(min_length=1, description="What status and log call it.")
    kinds: tuple[Kind, ...] | None = Field(
        None, description="What goes there; all that is made where left out."
    )


class DicomPlace(_Place):
    """An archive that takes results by C-STORE."""

    to: Literal["dicom"] = Field(description="`dicom`")
    title: AeTitle = Field(description="Its AE title.")
    host: str = Field(description="Its name or address.")
    port: int = Field(ge=1, le=65535, description="Its port.")
    tls: bool = Field(False, description="Whether it listens with TLS; needs `[tls]`.")


class WebPlace(_Place):
    """An archive that takes results by STOW-RS."""

    to: Literal["stow"] = Field(description="`stow`")
    url: str = Field(
        pattern=r"^https?://", description="Of the DICOMweb service, such as https://…/dicom-web."
    )
    user: str | None = Field(None, description="For HTTP basic authentication.")
    password_env: str | None = Field(None, description="Environment variable that holds the password.")
    ca: Path | None = Field(None, description="Certificates to trust, PEM; the system's where left out.")


class FolderPlace(_Place):
    """A folder that takes copies, one folder in it for each study."""

    to: Literal["folder"] = Field(description="`folder`")
    folder: Path = Field(description="Made where it is missing.")


Place = Annotated[DicomPlace | WebPlace | FolderPlace, Field(discriminator="to")]


class Sending(_Part):
    """How often to try."""

    first_wait: Seconds = Field(
        5, description="After the first failure, seconds; doubled after each further one."
    )
    longest_wait: Seconds = Field(3600, description="Between two tries.")
    give_up_days: float = Field(7, gt=0, description="After this long it is set down as given up.")


class PriorsByDicom(_Part):
    """An archive that is asked for earlier exams by C-FIND, and sends them by C-MOVE or C-GET."""

    by: Literal["move", "get"] = Field(
        description="`move`, for which the archive must know the node's AE title and address; or `get`."
    )
    title: AeTitle = Field(description="Its AE title.")
    host: str = Field(description="Its name or address.")
    port: int = Field(ge=1, le=65535, description="Its port.")
    tls: bool = Field(False, description="Whether it listens with TLS; needs `[tls]`.")


class PriorsByWeb(_Part):
    """An archive that is asked for earlier exams by QIDO-RS and WADO-RS."""

    by: Literal["web"] = Field(description="`web`")
    url: str = Field(pattern=r"^https?://", description="Of the DICOMweb service.")
    user: str | None = Field(None, description="For HTTP basic authentication.")
    password_env: str | None = Field(None, description="Environment variable that holds the password.")
    ca: Path | None = Field(None, description="Certificates to trust, PEM; the system's where left out.")


class PriorRules(_Part):
    """Which earlier exams are wanted."""

    source: Annotated[PriorsByDicom | PriorsByWeb, Field(discriminator="by")]
    most: int = Field(2, ge=0, description="How many, the newest first.")
    years: float = Field(10, gt=0, description="Not older than this.")
    time_limit: Seconds = Field(120, description="To find and fetch them; then the study is read without.")


class NodeConfig(_Part):
    """The whole of ``node.toml``."""

    folder: Path = Field(description="Spool folder: files and database. On a local disk.")
    title: AeTitle = Field("CALCSCOPE", description="The node's AE title.")
    host: str = Field("127.0.0.1", description="Address to listen on; 0.0.0.0 for all.")
    port: int = Field(11112, ge=0, le=65535, description="Port to listen on; 0 for any free one.")
    shutdown_seconds: float = Field(10, ge=0, description="For open associations to end when stopped.")
    tls: Tls | None = None
    peer: tuple[Peer, ...] = Field((), description="Who may call; this machine alone where left out.")
    limits: Limits = Limits()
    studies: StudyRules = StudyRules()
    reading: Reading = Reading()
    send: tuple[Place, ...] = ()
    sending: Sending = Sending()
    priors: PriorRules | None = None

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        names = [place.name for place in self.send]
        if len(set(names)) < len(names):
            raise ValueError("two [[send]] have the same name")
        for place in self.send:
            foreign = [kind for kind in place.kinds or () if kind not in self.reading.kinds]
            if foreign:
                raise ValueError(f"{place.name} is to get {foreign[0]}, which [reading] kinds does not make")
            asked = place.kinds or self.reading.kinds
            if "fhir" in asked and place.to != "folder":
                raise ValueError(f"{place.name} takes DICOM objects; fhir goes to a folder: name its kinds")
        source = self.priors and self.priors.source
        if self.tls is None and any(getattr(one, "tls", False) for one in (*self.peer, *self.send, source)):
            raise ValueError("tls = true needs the certificates of [tls]")
        return self

    def places(self, kind: str) -> list[str]:
        """Names of the places that a kind of object goes to."""
        return [place.name for place in self.send if kind in (place.kinds or self.reading.kinds)]


def load(path: Path) -> NodeConfig:
    """Read a configuration file. Paths in it are relative to it.

    Raises
    ------
    FaultyConfig : with what was found and where
    """
    try:
        given = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        raise FaultyConfig(f"{path}: {getattr(error, 'strerror', None) or 'no UTF-8 text'}") from error
    except tomllib.TOMLDecodeError as error:
        raise FaultyConfig(f"{path}: no TOML: {error}") from error
    return checked(given, path.parent, str(path))


def checked(given: dict[str, object], base: Path, name: str) -> NodeConfig:
    """A configuration from its content; paths are relative to ``base``."""
    try:
        config = NodeConfig.model_validate(given)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"])) or "the whole"
        raise FaultyConfig(f"{name}: {where}: {first['msg']}") from error
    return _anchored(config, base)


def _anchored(config: NodeConfig, base: Path) -> NodeConfig:
    """The same with absolute paths."""

    def absolute(part: BaseModel) -> BaseModel:
        changed: dict[str, object] = {}
        for name in type(part).model_fields:
            value = getattr(part, name)
            if isinstance(value, Path):
                changed[name] = base / value
            elif isinstance(value, BaseModel):
                changed[name] = absolute(value)
            elif isinstance(value, tuple) and value and isinstance(value[0], BaseModel):
                changed[name] = tuple(absolute(one) for one in value)
        return part.model_copy(update=changed)

    anchored = absolute(config)
    assert isinstance(anchored, NodeConfig)
    return anchored


def password(variable: str | None) -> str:
    """The value of an environment variable.

    Raises
    ------
    FaultyConfig : where it is not set
    """
    if variable is None:
        return ""
    value = os.environ.get(variable)
    if value is None:
        raise FaultyConfig(f"the environment variable {variable}, which holds a password, is not set")
    return value
