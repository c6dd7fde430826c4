import pytest

from peakid.errors import UnknownArchitecture
from peakid.recipe import architectures


def test_an_unknown_name_is_refused_with_the_whole_list():
    with pytest.raises(
        UnknownArchitecture, match=r"'perceptron' is not in the tested list. Tested are: resnet18, "
    ):
        architectures.find("perceptron")
    with pytest.raises(UnknownArchitecture, match="Did you mean timm/resnet10t"):
        architectures.find("resnet10t")
