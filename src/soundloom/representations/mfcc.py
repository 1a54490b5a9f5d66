"""Mel-frequency cepstral coefficients (MFCC): known by name only, to explain why they are refused.

Davis & Mermelstein 1980, https://doi.org/10.1109/TASSP.1980.1163420
"""

from __future__ import annotations


def refuse() -> None:
    """Explain why no system is trained on MFCCs.

    Raises:
        ValueError: always.
    """
    raise ValueError(
        "MFCCs keep only a smooth outline of the spectrum, so that pitch and most of the sound cannot come back from "
        "them (measured in docs/mfcc.md); use representation 'mel', of which they are a part"
    )
