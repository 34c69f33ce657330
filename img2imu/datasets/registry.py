"""The data sets known by name: what they are, whose, and where they are published."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from img2imu.datasets import driver, hapt, har, hhar, motionsense, pamap2, swim, watch, wisdm
from img2imu.datasets.data_set import DataSet

DEFAULT_DIRECTORY = Path("data")
_UCI = "https://archive.ics.uci.edu"


@dataclass(frozen=True)
class Original:
    """Where the authors published a data set.

    Attributes:
        url: of one zip.
        load: reads that zip, or the folder that was in it.
        sha256: of the zip; None when nobody has published one. Those here are not the archive's,
            which gives none, but what several projects independently wrote down of the file they
            got there.
    """

    url: str
    load: Callable[[Path], DataSet]
    sha256: str | None = None


@dataclass(frozen=True)
class Entry:
    """One line of the registry.

    Attributes:
        name: as typed.
        what: in a few words.
        subjects: how many people, or what takes their place.
        classes: number of labels.
        rate_hz: samples per second.
        licence: empty when the authors state none.
        citation: how the authors wish to be cited.
        homepage: where they describe it.
        original: where to get it; None for data that come with a package.
    """

    name: str
    what: str
    subjects: str
    classes: int
    rate_hz: float
    licence: str
    citation: str
    homepage: str
    original: Original | None

    def place(self, directory: Path) -> Path:
        """Where a download of it lies below ``directory``."""
        return directory / f"{self.name}.zip"

    def where(self, directory: Path) -> str | None:
        """Where it is on this machine, or None."""
        if self.original is None:
            return "with seglearn" if importlib.util.find_spec("seglearn") else None
        place = self.place(directory)
        return str(place) if place.is_file() else None


REGISTRY = {
    entry.name: entry
    for entry in (
        Entry(
            "watch",
            "shoulder exercises, watch",
            "10 people",
            7,
            watch.RATE_HZ,
            watch.LICENCE,
            watch.CITATION,
            "https://github.com/dmbee/seglearn",
            None,
        ),
        Entry(
            "hapt",
            "activities and changes of posture, phone at the waist",
            "30 people",
            12,
            hapt.RATE_HZ,
            hapt.LICENCE,
            hapt.CITATION,
            f"{_UCI}/dataset/341",
            Original(
                f"{_UCI}/static/public/341/smartphone+based+recognition+of+human+activities+and+postural+transitions.zip",
                hapt.load_hapt,
                "4ac4ae064227c07045a99551876b54d204837e995e298b6488559e209b3deb09",
            ),
        ),
        Entry(
            "har",
            "activities, phone at the waist",
            "30 people",
            6,
            har.RATE_HZ,
            har.LICENCE,
            har.CITATION,
            f"{_UCI}/dataset/240",
            Original(
                f"{_UCI}/static/public/240/human+activity+recognition+using+smartphones.zip",
                har.load_har,
                "c00b803081a5c797cd5e4b83700a9810b38d53d9d84e01917e090e1fdbc81031",
            ),
        ),
        Entry(
            "wisdm",
            "daily activities (the set of 2019), watch",
            "51 people",
            18,
            wisdm.RATE_HZ,
            wisdm.LICENCE,
            wisdm.CITATION,
            f"{_UCI}/dataset/507",
            Original(
                f"{_UCI}/static/public/507/wisdm+smartphone+and+smartwatch+activity+and+biometrics+dataset.zip",
                wisdm.load_wisdm,
            ),
        ),
        Entry(
            "motionsense",
            "activities, phone in the pocket",
            "24 people",
            6,
            motionsense.RATE_HZ,
            motionsense.LICENCE,
            motionsense.CITATION,
            "https://github.com/mmalekzadeh/motion-sense",
            Original(
                "https://raw.githubusercontent.com/mmalekzadeh/motion-sense/261cb0d60611a049ab38127738e42cc510ed50f4/"
                "data/A_DeviceMotion_data.zip",
                motionsense.load_motionsense,
            ),
        ),
        Entry(
            "pamap2",
            "physical activities, wrist",
            "9 people",
            12,
            pamap2.RATE_HZ,
            pamap2.LICENCE,
            pamap2.CITATION,
            f"{_UCI}/dataset/231",
            Original(
                f"{_UCI}/static/public/231/pamap2+physical+activity+monitoring.zip",
                pamap2.load_pamap2,
                "76b3580bd5a804121f507717cb498c66a312ef5c774f4a78ac470e6558add352",
            ),
        ),
        Entry(
            "hhar",
            "activities, eight phones of four models",
            "9 people",
            6,
            hhar.RATE_HZ,
            hhar.LICENCE,
            hhar.CITATION,
            f"{_UCI}/dataset/344",
            Original(
                f"{_UCI}/static/public/344/heterogeneity+activity+recognition.zip", hhar.load_hhar
            ),
        ),
        Entry(
            "swim",
            "swimming strokes, watch",
            "40 people",
            6,
            swim.RATE_HZ,
            swim.LICENCE,
            swim.CITATION,
            "https://github.com/brunnergino/swimming-recognition-lap-counting",
            Original(
                "https://github.com/brunnergino/swimming-recognition-lap-counting/archive/"
                "468ee355675b51fb3b9ad9d992ef7b807ae1af4f.zip",
                swim.load_swim,
            ),
        ),
        Entry(
            "driver",
            "driving manoeuvres, phone on the windscreen",
            "4 trips",
            7,
            driver.RATE_HZ,
            driver.LICENCE,
            driver.CITATION,
            "https://github.com/jair-jr/driverBehaviorDataset",
            Original(
                "https://github.com/jair-jr/driverBehaviorDataset/archive/b65118d794432a559932a4f58b9b6dd612f0bb22.zip",
                driver.load_driver,
            ),
        ),
    )
}
