"""What the prediction server counts, for Prometheus."""

import resource
import sys

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.exposition import CONTENT_TYPE_LATEST

MEDIA_TYPE = CONTENT_TYPE_LATEST
_SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30)


class Metrics:
    """The counters of one server; no label holds anything that a client sent."""

    def __init__(self) -> None:
        self._registry = CollectorRegistry()
        self.requests = Counter(
            "peakid_requests_total",
            "Requests by path and status.",
            ["path", "status"],
            registry=self._registry,
        )
        self.seconds = Histogram(
            "peakid_request_seconds",
            "Time from a request to its response.",
            ["path"],
            buckets=_SECONDS,
            registry=self._registry,
        )
        self.batch_size = Histogram(
            "peakid_batch_images",
            "Images predicted together.",
            buckets=(1, 2, 4, 8, 16, 32),
            registry=self._registry,
        )
        self.predictions = Counter(
            "peakid_predictions_total",
            "Images by outcome: predicted, abstained, unreadable.",
            ["outcome"],
            registry=self._registry,
        )
        self.waiting = Gauge(
            "peakid_waiting_images", "Images that wait for a batch.", registry=self._registry
        )
        self.photos = Gauge(
            "peakid_photos_in_work", "Photos that are decoded or predicted.", registry=self._registry
        )
        memory = Gauge("peakid_peak_memory_bytes", "Largest resident memory so far.", registry=self._registry)
        memory.set_function(_peak_bytes)

    def text(self) -> bytes:
        """Return all values in the text format of Prometheus."""
        return generate_latest(self._registry)


def _peak_bytes() -> float:
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024
