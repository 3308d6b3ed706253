"""Services that come with pycom_tx."""
