"""List the data sets known by name: content, authors, and place of publication."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from img2imu.data_set import DataSet
from img2imu.datasets import driver, hapt, har, hhar, motionsense, pamap2, swim, watch, wisdm

DEFAULT_DIRECTORY = Path("data")


@dataclass(frozen=True)
class Original:
    """Where the authors published a data set.

    Attributes:
        url: of one zip.
        load: reads that zip, or the folder that was in it.
        sha256: of the zip; None if nobody has published one. The checksums here do not come from
            the archive, which gives none. Several projects independently noted them for the file
            that they downloaded there.
    """

    url: str
    load: Callable[[Path], DataSet]
    sha256: str | None = None


@dataclass(frozen=True)
class Entry:
    """One line of the registry.

    Attributes:
        name: as typed.
        what: the content, in a few words.
        subjects: number of people, or of other units that are not split.
        classes: number of labels.
        rate_hz: samples per second.
        licence: empty if the authors state none.
        citation: the citation that the authors ask for.
        homepage: the authors' description.
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
        """Return the path of a download in ``directory``."""
        return directory / f"{self.name}.zip"

    def where(self, directory: Path) -> str | None:
        """Return where it is on this machine; None if it is not there."""
        if self.original is None:
            return "with seglearn" if importlib.util.find_spec("seglearn") else None
        place = self.place(directory)
        return str(place) if place.is_file() else None


_UCI_PAGE = "https://archive.ics.uci.edu/dataset"
_UCI_FILE = "https://archive.ics.uci.edu/static/public"
_ENTRIES = (
    Entry(
        name="watch",
        what="shoulder exercises, watch",
        subjects="10 people",
        classes=7,
        rate_hz=watch.RATE_HZ,
        licence=watch.LICENCE,
        citation=watch.CITATION,
        homepage="https://github.com/dmbee/seglearn",
        original=None,
    ),
    Entry(
        name="hapt",
        what="activities and changes of posture, phone at the waist",
        subjects="30 people",
        classes=12,
        rate_hz=hapt.RATE_HZ,
        licence=hapt.LICENCE,
        citation=hapt.CITATION,
        homepage=f"{_UCI_PAGE}/341",
        original=Original(
            url=f"{_UCI_FILE}/341/smartphone+based+recognition+of+human+activities+and+"
            "postural+transitions.zip",
            load=hapt.load_hapt,
            sha256="4ac4ae064227c07045a99551876b54d204837e995e298b6488559e209b3deb09",
        ),
    ),
    Entry(
        name="har",
        what="activities, phone at the waist",
        subjects="30 people",
        classes=6,
        rate_hz=har.RATE_HZ,
        licence=har.LICENCE,
        citation=har.CITATION,
        homepage=f"{_UCI_PAGE}/240",
        original=Original(
            url=f"{_UCI_FILE}/240/human+activity+recognition+using+smartphones.zip",
            load=har.load_har,
            sha256="c00b803081a5c797cd5e4b83700a9810b38d53d9d84e01917e090e1fdbc81031",
        ),
    ),
    Entry(
        name="wisdm",
        what="daily activities (the set of 2019), watch",
        subjects="51 people",
        classes=18,
        rate_hz=wisdm.RATE_HZ,
        licence=wisdm.LICENCE,
        citation=wisdm.CITATION,
        homepage=f"{_UCI_PAGE}/507",
        original=Original(
            url=f"{_UCI_FILE}/507/wisdm+smartphone+and+smartwatch+activity+and+"
            "biometrics+dataset.zip",
            load=wisdm.load_wisdm,
        ),
    ),
    Entry(
        name="motionsense",
        what="activities, phone in the pocket",
        subjects="24 people",
        classes=6,
        rate_hz=motionsense.RATE_HZ,
        licence=motionsense.LICENCE,
        citation=motionsense.CITATION,
        homepage="https://github.com/mmalekzadeh/motion-sense",
        original=Original(
            url="https://raw.githubusercontent.com/mmalekzadeh/motion-sense/"
            "261cb0d60611a049ab38127738e42cc510ed50f4/data/A_DeviceMotion_data.zip",
            load=motionsense.load_motionsense,
        ),
    ),
    Entry(
        name="pamap2",
        what="physical activities, wrist",
        subjects="9 people",
        classes=12,
        rate_hz=pamap2.RATE_HZ,
        licence=pamap2.LICENCE,
        citation=pamap2.CITATION,
        homepage=f"{_UCI_PAGE}/231",
        original=Original(
            url=f"{_UCI_FILE}/231/pamap2+physical+activity+monitoring.zip",
            load=pamap2.load_pamap2,
            sha256="76b3580bd5a804121f507717cb498c66a312ef5c774f4a78ac470e6558add352",
        ),
    ),
    Entry(
        name="hhar",
        what="activities, eight phones of four models",
        subjects="9 people",
        classes=6,
        rate_hz=hhar.RATE_HZ,
        licence=hhar.LICENCE,
        citation=hhar.CITATION,
        homepage=f"{_UCI_PAGE}/344",
        original=Original(
            url=f"{_UCI_FILE}/344/heterogeneity+activity+recognition.zip",
            load=hhar.load_hhar,
        ),
    ),
    Entry(
        name="swim",
        what="swimming strokes, watch",
        subjects="40 people",
        classes=6,
        rate_hz=swim.RATE_HZ,
        licence=swim.LICENCE,
        citation=swim.CITATION,
        homepage="https://github.com/brunnergino/swimming-recognition-lap-counting",
        original=Original(
            url="https://github.com/brunnergino/swimming-recognition-lap-counting/archive/"
            "468ee355675b51fb3b9ad9d992ef7b807ae1af4f.zip",
            load=swim.load_swim,
        ),
    ),
    Entry(
        name="driver",
        what="driving manoeuvres, phone on the windscreen",
        subjects="4 trips",
        classes=7,
        rate_hz=driver.RATE_HZ,
        licence=driver.LICENCE,
        citation=driver.CITATION,
        homepage="https://github.com/jair-jr/driverBehaviorDataset",
        original=Original(
            url="https://github.com/jair-jr/driverBehaviorDataset/archive/"
            "b65118d794432a559932a4f58b9b6dd612f0bb22.zip",
            load=driver.load_driver,
        ),
    ),
)
REGISTRY = {entry.name: entry for entry in _ENTRIES}
