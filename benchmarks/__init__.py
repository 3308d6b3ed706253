"""How fast calls are here, and elsewhere: ``python -m benchmarks --help``.

``workloads``
    What is measured, in which cases. It starts servers and clients, in processes of their own:
``peers``, ``attachments``, ``clients``, ``locate``, ``nameserver``, ``memory``, ``scaling``,
``stages``
    what these run, a module for each peer.
``rounds``, ``results``
    The order in which all is measured, and the figures that come of it.
``tables``, ``charts``, ``targets``, ``report``
    What is read from them.
"""
