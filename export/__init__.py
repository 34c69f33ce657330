"""Export a trained model to one quantised ``.tflite`` that carries its contract.

:func:`export_model` makes one int8 file. :class:`Exporter` makes several files from one conversion.
Members load when they are first used: ``import export`` alone needs no torch.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from export.evaluation import (
        ExportError,
        ExportWindows,
        F1DropError,
        VerificationWindows,
        choose_windows,
    )
    from export.pipeline import Exportable, Exported, Exporter, Job, export_model
    from export.recipes import RECIPES, TARGETS, Recipe, Target

__all__ = [
    "RECIPES",
    "TARGETS",
    "ExportError",
    "ExportWindows",
    "Exportable",
    "Exported",
    "Exporter",
    "F1DropError",
    "Job",
    "Recipe",
    "Target",
    "VerificationWindows",
    "choose_windows",
    "export_model",
]

_MODULES = {
    "export.evaluation": (
        "ExportError",
        "ExportWindows",
        "F1DropError",
        "VerificationWindows",
        "choose_windows",
    ),
    "export.pipeline": ("Exportable", "Exported", "Exporter", "Job", "export_model"),
    "export.recipes": ("RECIPES", "TARGETS", "Recipe", "Target"),
}
_MODULE_OF = {name: module for module, names in _MODULES.items() for name in names}


def __getattr__(name: str) -> Any:
    if name not in _MODULE_OF:
        raise AttributeError(f"module 'export' has no attribute {name!r}")
    from edge_runtime.extras import import_extra

    return getattr(import_extra(_MODULE_OF[name], "export"), name)


def __dir__() -> list[str]:
    return sorted(__all__)
