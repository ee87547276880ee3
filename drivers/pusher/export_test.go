package pusher

import "net/http"

// OwnTransport is the transport that the driver made for itself.
func OwnTransport(d *Driver) *http.Transport { return d.own }
