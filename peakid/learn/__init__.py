"""Training, prediction, heat maps and exports: the only package that imports PyTorch, timm and fastai."""

import gc

# While it is imported, PyTorch creates many objects that stay. Looking for garbage among them is a quarter of
# the time. timm and torchvision, which take as long again, are loaded by the networks that need them.
_is_collecting = gc.isenabled()
gc.disable()
try:
    import torch  # noqa: F401

    gc.freeze()
finally:
    if _is_collecting:
        gc.enable()
