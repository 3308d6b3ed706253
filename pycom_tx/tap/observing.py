"""How commands are watched: their metrics, their logs, and the last of their spans."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar, Final

from twisted.application.service import IService, MultiService
from twisted.internet.defer import Deferred, maybeDeferred
from twisted.internet.endpoints import serverFromString
from twisted.logger import ILogObserver
from twisted.python import usage
from twisted.python.components import Componentized

from pycom_tx import __version__
from pycom_tx.tap.json_log import twistd_log
from pycom_tx.tap.values import one_of, option
from pycom_tx.tracing.tracer import flush
from pycom_tx.zerojson.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Callable

    from prometheus_client import CollectorRegistry

FORMATS: Final = ("text", "json")
"""What a log can be written as."""


class ObservingOptions(usage.Options):
    """What every command can be told about how it is watched."""

    optParameters: ClassVar = [
        [
            "metrics",
            None,
            None,
            "Endpoint to serve metrics for Prometheus at, like tcp:9100:interface=127.0.0.1",
        ],
        option(
            "log-format",
            "What the log is written as: text, or json",
            one_of(*FORMATS),
            default="text",
        ),
    ]

    command: ClassVar[str]
    """What begins each line that says why it ends."""


class Observed(MultiService):
    """A command that is watched as its options say.

    What it consists of are its children. Metrics are served from before they start until
    after they have stopped.

    :param options: the command's.
    :param failed: called with a message where it cannot go on.

    :raises SystemExit: the options make no sense; the message says why.

    .. attribute:: registry

        What its metrics belong to; None if nobody wants any.
    """

    registry: CollectorRegistry | None = None

    def __init__(self, options: ObservingOptions, failed: Callable[[str], object]) -> None:
        super().__init__()
        self._watchers: list[IService] = []
        self._measured_at = ""
        self._log_observer: ILogObserver | None = None
        try:
            self._observe_log(options)
            if options["metrics"] is not None:
                self._measure(options["metrics"], failed)
        except ValueError as error:
            raise SystemExit(f"{options.command}: {error}") from None

    def setServiceParent(self, parent: Any) -> None:
        if self._log_observer is not None and isinstance(parent, Componentized):
            # The application's observer is the first that twistd starts, so it gets the
            # lines as well that were logged before.
            parent.setComponent(ILogObserver, self._log_observer)
        super().setServiceParent(parent)

    def startService(self) -> None:
        for watcher in self._watchers:
            try:
                watcher.startService()
            except ConfigurationError as error:
                raise ConfigurationError(f"{self._measured_at}: {error}") from None
        super().startService()

    def stopService(self) -> Deferred[Any]:
        stopped: Deferred[Any] = super().stopService()
        return stopped.addBoth(lambda result: Deferred.fromCoroutine(self._stop_watching(result)))

    def _observe_log(self, options: ObservingOptions) -> None:
        twistd = options.parent
        # Whoever names an observer means that one.
        if options["log-format"] == "json" and twistd is not None and not twistd["logger"]:
            try:
                self._log_observer = twistd_log(twistd)
            except ValueError as error:
                msg = f"--log-format json: {error}"
                raise ValueError(msg) from None

    def _measure(self, description: str, failed: Callable[[str], object]) -> None:
        # All of that only where somebody wants it.
        from twisted.internet import reactor

        from pycom_tx.metrics import MetricsServer, ReactorLag
        from pycom_tx.metrics.process import process_registry

        try:
            endpoint = serverFromString(reactor, description)
        except Exception as error:  # of whichever kind of endpoint it is
            msg = (
                f"--metrics {description!r} is no endpoint like tcp:9100:interface=127.0.0.1 "
                f"({type(error).__name__}: {error})"
            )
            raise ValueError(msg) from None
        self.registry = process_registry(__version__)
        self._measured_at = f"--metrics {description}"
        self._watchers = [
            MetricsServer(
                self.registry, endpoint, lambda said: failed(f"{self._measured_at}: {said}")
            ),
            ReactorLag(self.registry, reactor),
        ]

    async def _stop_watching(self, result: Any) -> Any:
        from twisted.internet import reactor

        await flush(reactor)
        for watcher in self._watchers:
            await maybeDeferred(watcher.stopService)
        return result
