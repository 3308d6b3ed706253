from twisted.internet.task import react

import pycom_tx as pycom


async def main(reactor):
    context = pycom.ProxyContext(nameserver="tcp://127.0.0.1:2012")
    async with context.locate("com.foo.example") as component:
        print(await component.bar(name="field1", value=42))  # {'field1': 42}
        print(await component.bar("field1", value=42))  # {'field1': 42}
        print(await component.bar("field1"))  # {'field1': None}
        print(await component.introspect())


react(main)
