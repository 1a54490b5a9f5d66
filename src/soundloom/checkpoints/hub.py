"""Models on the Hugging Face hub, by addresses such as hf://owner/name."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

HUB = "hf://"


def download(address: str, files: Sequence[str]) -> Path:
    """The folder with some files of a repository: downloaded, or found where they were downloaded before.

    Args:
        address: hf://owner/name.
        files: names of those to download; others of the repository are left out.

    Raises:
        ValueError: the extra for the hub is not installed, or the download fails.
    """
    try:
        from huggingface_hub import snapshot_download
    except ImportError:
        raise ValueError(f"{address} needs the hub; pip install 'soundloom[hub]'") from None
    try:
        return Path(snapshot_download(address.removeprefix(HUB), allow_patterns=list(files)))
    except Exception as error:  # a network can raise anything
        reason = (str(error).splitlines() or [type(error).__name__])[0]
        raise ValueError(f"{address} could not be fetched ({reason}); check the name and the network") from None
