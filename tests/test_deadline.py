"""What a method knows of its call's deadline, and that it ends when its call is cancelled."""

from twisted.internet.defer import CancelledError, Deferred, succeed

import pycom_tx as pycom
from pycom_tx.components.deadline import deadline
from tests.test_dispatch import DispatchCase


class Patient:
    """A component whose methods wait, and say how they ended."""

    def __init__(self):
        self.ends = []
        self.waiting = None

    def wait(self):
        self.waiting = Deferred(lambda _: self.ends.append("cancelled"))
        return self.waiting

    @pycom.method
    def tell(self, request):
        return deadline.get()

    @pycom.method
    async def tell_later(self, request):
        before = deadline.get()
        await self.wait()
        return [before, deadline.get()]

    @pycom.method(blocking=True)
    def tell_in_thread(self, request):
        return deadline.get()

    @pycom.method
    def deferred(self, request):
        return self.wait()

    @pycom.method
    async def coroutine(self, request):
        try:
            await self.wait()
        except CancelledError:
            self.ends.append("cleaned up")
            raise


class DeadlineCase(DispatchCase):
    def setUp(self):
        super().setUp()
        self.patient = Patient()
        self.dispatch = self.serve(self.patient)
        self.interface = Patient.__interface__

    def request(self, method, seconds=None, **options):
        request = self.asked(method, **options)
        request.deadline = seconds
        return request


class DeadlineTests(DeadlineCase):
    def test_in_a_method(self):
        """A method finds the deadline of its call, and nobody does after it."""
        for seconds in 7.5, None:
            response = self.dispatch.handle(self.request("tell", seconds))
            self.assertEqual(response.result, seconds)
            self.assertIsNone(deadline.get())

    def test_in_a_coroutine(self):
        """A coroutine finds its own, whoever wakes it."""
        answers = []
        for seconds in 1.5, None, 2.5:
            answer = self.dispatch.handle(self.request("tell_later", seconds))
            answers.append((answer, self.patient.waiting, seconds))
        for answer, waiting, seconds in answers:
            waiting.callback(None)
            self.assertEqual(self.successResultOf(answer).result, [seconds, seconds])

    def test_in_a_thread(self):
        """A method that blocks finds it in its thread."""
        answer = self.dispatch.handle(self.request("tell_in_thread", 7.5))
        self.threads.pop()()
        self.assertEqual(self.successResultOf(answer).result, 7.5)

    def test_in_hooks(self):
        """Hooks find it as well."""
        seen = []

        def hook(interface, method, data):
            seen.append(deadline.get())
            return data

        method = self.interface.methods["tell"]
        method.prehooks.append(hook)
        method.posthooks.append(hook)
        self.addCleanup(method.prehooks.clear)
        self.addCleanup(method.posthooks.clear)
        self.successResultOf(self.dispatch.handle(self.request("tell", 7.5)))
        self.assertEqual(seen, [7.5, 7.5])

    def test_not_inherited_from_whoever_serves(self):
        """A call without a deadline has none, also where something with one serves it."""
        token = deadline.set(7.5)
        self.addCleanup(deadline.reset, token)
        self.assertIsNone(self.dispatch.handle(self.request("tell")).result)


class CancelTests(DeadlineCase):
    def assertCancelled(self, answer, *ends):
        answer.cancel()
        self.failureResultOf(answer, CancelledError)
        self.assertEqual(self.patient.ends, list(ends))

    def test_deferred(self):
        """Cancelling an answer cancels the Deferred that its method gave."""
        self.assertCancelled(self.dispatch.handle(self.request("deferred")), "cancelled")

    def test_coroutine(self):
        """It cancels the method's coroutine, which may clean up."""
        answer = self.dispatch.handle(self.request("coroutine"))
        self.assertCancelled(answer, "cancelled", "cleaned up")

    def guard(self, validate):
        self.users["token"] = validate
        self.dispatch = self.serve(self.patient, authentication="required")
        return self.request("coroutine", extensions={"org.pycom.auth": "token"})

    def test_token(self):
        """While a token is validated, that ends, and the method is not called."""
        request = self.guard(Deferred(lambda _: self.patient.ends.append("no token")))
        self.assertCancelled(self.dispatch.handle(request), "no token")
        self.assertIsNone(self.patient.waiting)

    def test_after_the_token(self):
        """Once it is valid, the method is what is cancelled."""
        valid = Deferred()
        request = self.guard(valid)
        answer = self.dispatch.handle(request)
        valid.callback({"name": "joe", "roles": []})
        self.assertCancelled(answer, "cancelled", "cleaned up")

    def hooked(self, prehook, posthook):
        method = self.interface.methods["coroutine"]
        method.prehooks.append(lambda interface, method, data: prehook(data))
        method.posthooks.append(lambda interface, method, data: posthook(data))
        self.addCleanup(method.prehooks.clear)
        self.addCleanup(method.posthooks.clear)
        return self.dispatch.handle(self.request("coroutine"))

    def test_prehook(self):
        """While a prehook waits, it is cancelled, and the method is not called."""
        answer = self.hooked(
            lambda _: Deferred(lambda _: self.patient.ends.append("prehook")), succeed
        )
        self.assertCancelled(answer, "prehook")
        self.assertIsNone(self.patient.waiting)

    def test_between_hooks(self):
        """Between the hooks the method is."""
        self.assertCancelled(self.hooked(succeed, succeed), "cancelled", "cleaned up")

    def test_posthook(self):
        """While a posthook waits, it is cancelled."""
        answer = self.hooked(
            succeed, lambda _: Deferred(lambda _: self.patient.ends.append("posthook"))
        )
        self.patient.waiting.callback(None)
        self.assertCancelled(answer, "posthook")
