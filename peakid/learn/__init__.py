"""Training, prediction, heat maps and exports: the only package that imports PyTorch, timm and fastai."""

import gc

# While they are imported, the libraries create a million objects that stay. Looking for garbage among them is
# a quarter of the time that the process of a job needs to start.
_is_collecting = gc.isenabled()
gc.disable()
try:
    import timm  # noqa: F401
    import torchvision  # noqa: F401

    gc.freeze()
finally:
    if _is_collecting:
        gc.enable()
