"""A visit to the gallery: as a painter, and as somebody who takes a picture home."""

import sys

from service import Gallery
from twisted.internet.task import react

import pycom_tx as pycom


async def main(reactor):
    painter = pycom.ProxyContext(sys.argv[1])
    await painter.authenticate("frida", "two fridas")
    async with painter.locate("com.example.gallery", contract=Gallery) as gallery:
        caption = {"title": "Roots", "tags": ["oil", "red"]}
        hung = await gallery.hang(caption, picture=b"\x89PNG" * 1000)
        print("hung by", hung["owner"], "licence", hung["caption"]["licence"])
        try:
            await gallery.hang({"title": "Roots", "tags": ["oil", 7]}, picture=b"")
        except pycom.BadRequest as error:
            print("refused:", error)

    visitor = pycom.ProxyContext(sys.argv[1])
    try:
        await visitor.locate("com.example.gallery")
    except pycom.AccessDenied as error:
        print("refused:", error)
    await visitor.authenticate("diego", "murals")
    print("visitor:", await visitor.user_info())
    async with visitor.locate("com.example.gallery", contract=Gallery) as gallery:
        try:
            await gallery.hang(caption, picture=b"mine")
        except pycom.AccessDenied as error:
            print("refused:", error)
        print("red ones:", [hung["caption"]["title"] for hung in await gallery.look("red")])
        print("basket:", await gallery.put_in_basket("Roots"))
        taken = await gallery.take_home.with_options(on_progress=print)()
        print("taken home:", taken.sizes, len(taken.pictures), "bytes")


react(main)
