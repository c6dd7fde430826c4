"""Which image formats are read, what their decoders raise, and how Pillow is set up for them."""

import struct
import warnings
import zlib

from PIL import AvifImagePlugin, Image, features

# Pillow may be built without AVIF.
FORMATS = ("JPEG", "PNG", "WEBP", "GIF", "BMP", "TIFF", *(["AVIF"] if features.check("avif") else []))

# What Pillow's decoders raise on damaged bytes; it differs by format. A lack of memory is not damage.
_DECODER_ERRORS = (OSError, SyntaxError, ValueError, TypeError, LookupError, AttributeError, EOFError)
_SYSTEM_ERRORS = (ArithmeticError, RuntimeError, AssertionError)
DAMAGE = (*_DECODER_ERRORS, *_SYSTEM_ERRORS, struct.error, zlib.error)

# Files are decoded side by side, each with one thread; the memory of more threads would count for one file.
vars(AvifImagePlugin)["DEFAULT_MAX_THREADS"] = 1
# Our own limit is checked from the header before decoding; Pillow's lower limit would warn or refuse first.
Image.MAX_IMAGE_PIXELS = None
# Warnings about damaged metadata are ignored; damaged pixels raise an error.
warnings.filterwarnings("ignore", category=UserWarning, module=r"PIL\.")
