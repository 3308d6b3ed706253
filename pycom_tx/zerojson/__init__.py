"""ZeroJSON, the wire protocol: a JSON envelope and an attachment in a multipart message.

Nothing here knows of components: :class:`~pycom_tx.zerojson.server.Server` asks an
:class:`~pycom_tx.zerojson.interfaces.IRequestHandler`, and both it and
:class:`~pycom_tx.zerojson.client.Client` send through an
:class:`~pycom_tx.zerojson.interfaces.IChannel`.
"""
