"""Pictures that servers send in place of a photo that is gone."""

import re

# Flickr redirects a photo that was removed or replaced, with status 200 (noflo/noflo-image pull request 151,
# 2016; leedo/noembed issue 105, 2019); Imgur one that was removed (HoverHell/RedditImageGrab issue 50, 2016).
_KNOWN = (
    re.compile(r"https?://[a-z0-9.-]*\.(?:yimg|staticflickr|flickr)\.com/.*/photo_unavailable[a-z_]*\.\w+$"),
    re.compile(r"https?://i\.imgur\.com/removed\.png$"),
)


def is_known(url: str) -> bool:
    """Return whether the address of a response, after redirects, is that of such a picture."""
    plain = url.partition("?")[0].partition("#")[0]
    return any(each.match(plain) for each in _KNOWN)
