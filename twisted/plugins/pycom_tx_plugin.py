from twisted.application.service import ServiceMaker

nameserver = ServiceMaker(
    "pycom_tx nameserver",
    "pycom_tx.tap.nameserver",
    "Find the services that provide an interface.",
    "pycom-nameserver",
)

service = ServiceMaker(
    "pycom_tx service",
    "pycom_tx.tap.service",
    "Serve the components in Python modules.",
    "pycom-service",
)

gateway = ServiceMaker(
    "pycom_tx gateway",
    "pycom_tx.tap.gateway",
    "Put all services behind HTTP.",
    "pycom-gateway",
)
